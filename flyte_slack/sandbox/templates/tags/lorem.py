"""The filler of `{% lorem %}`: the passages that printers have used for ever, in the server's version."""

_IPSUM = "Lorem ipsum dolor sit amet"
_DUIS = (
    "Duis autem vel eum iriure dolor in hendrerit in vulputate velit esse molestie consequat, vel "
    "illum dolore eu feugiat nulla facilisis"
)
_DUIS_LONG = (
    f"{_DUIS} at vero eros et accumsan et iusto odio dignissim qui blandit praesent luptatum zzril "
    "delenit augue duis dolore te feugait nulla facilisi."
)
_CONSECTETUER = (
    f"{_IPSUM}, consectetuer adipiscing elit, sed diam nonummy nibh euismod tincidunt ut laoreet "
    "dolore magna aliquam erat volutpat."
)
_EXERCI = (
    "Ut wisi enim ad minim veniam, quis nostrud exerci tation ullamcorper suscipit lobortis nisl ut "
    "aliquip ex ea commodo consequat."
)
_SADIPSCING = (
    "sadipscing elitr, sed diam nonumy eirmod tempor invidunt ut labore et dolore magna aliquyam erat"
)
_VERO = (
    "At vero eos et accusam et justo duo dolores et ea rebum. Stet clita kasd gubergren, no sea "
    f"takimata sanctus est {_IPSUM}."
)
_CONSETETUR = f"{_SADIPSCING}, sed diam voluptua. {_VERO}"

LOREM = (
    f"{_IPSUM}, consectetur adipisici elit, sed eiusmod tempor incidunt ut labore et dolore magna "
    "aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquid ex ea"
    " commodi consequat. Quis aute iure reprehenderit in voluptate velit esse cillum dolore eu fugiat"
    " nulla pariatur. Excepteur sint obcaecat cupiditat non proident, sunt in culpa qui officia "
    "deserunt mollit anim id est laborum.",
    f"{_DUIS_LONG} {_CONSECTETUER}",
    f"{_EXERCI} {_DUIS_LONG}",
    "Nam liber tempor cum soluta nobis eleifend option congue nihil imperdiet doming id quod mazim "
    f"placerat facer possim assum. {_CONSECTETUER} {_EXERCI}",
    f"{_DUIS}.",
    f"{_VERO} {_IPSUM}, consetetur {_CONSETETUR} {_IPSUM}, consetetur sadipscing elitr, At accusam "
    "aliquyam diam diam dolore dolores duo eirmod eos erat, et nonumy sed tempor et et invidunt justo"
    " labore Stet clita ea et gubergren, kasd magna no rebum. sanctus sea sed takimata ut vero "
    f"voluptua. est {_IPSUM}. {_IPSUM}, consetetur {_SADIPSCING}.",
    f"Consetetur {_CONSETETUR} {_IPSUM}, consetetur {_CONSETETUR} {_IPSUM}, consetetur {_CONSETETUR}",
)
