"""Times as Go prints them, and its layouts, in which `2006-01-02 15:04:05` stands for the parts."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from .values import Function, Struct, Value, text

_LAYOUT = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|002|0[1-6]|15|1|2006|2|__2|_2(?!006)|[345]|PM|pm"
    r"|[-Z]07(?:00(?:00)?|:00(?::00)?)?|[.,](?:0+|9+)(?![0-9])"
)

_RFC_3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)", re.ASCII)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_STRING = "2006-01-02 15:04:05.999999999 -0700 MST"


class GoTime(Struct):
    """Go's `time.Time`.

    Args:
        moment: The time, with a zone.
        nanosecond: Its fraction of a second, if it is known better than in microseconds.
    """

    def __init__(self, moment: datetime, nanosecond: int | None = None) -> None:
        super().__init__("time.Time", {})
        self.moment = moment
        self.nanosecond = moment.microsecond * 1000 if nanosecond is None else nanosecond

    def text(self) -> str:
        """Return what is printed: `2026-11-23 08:41:51.297886697 +0000 UTC`."""
        return self.formatted(_STRING)

    def same(self, other: Struct) -> bool:
        """Whether it is the same time in the same zone."""
        return (
            isinstance(other, GoTime)
            and self.moment == other.moment
            and self.moment.utcoffset() == other.moment.utcoffset()
            and self.nanosecond == other.nanosecond
        )

    def formatted(self, layout: str) -> str:
        """Return the time in a layout of Go's."""
        return _LAYOUT.sub(lambda found: self._part(found[0]), layout)

    def _part(self, part: str) -> str:
        moment = self.moment
        if part[0] in ".,":
            digits = f"{self.nanosecond:09}"[: len(part) - 1].ljust(len(part) - 1, "0")
            if part[1] == "9":
                digits = digits.rstrip("0")
            return part[0] + digits if digits else ""
        if part[0] in "-Z" and part[1:3] == "07":
            return self._offset(part)
        hour12 = moment.hour % 12 or 12
        return {
            "January": f"{moment:%B}",
            "Jan": f"{moment:%b}",
            "Monday": f"{moment:%A}",
            "Mon": f"{moment:%a}",
            "MST": self._zone(),
            "002": f"{moment.timetuple().tm_yday:03}",
            "__2": f"{moment.timetuple().tm_yday:3}",
            "01": f"{moment.month:02}",
            "02": f"{moment.day:02}",
            "03": f"{hour12:02}",
            "04": f"{moment.minute:02}",
            "05": f"{moment.second:02}",
            "06": f"{moment.year % 100:02}",
            "15": f"{moment.hour:02}",
            "1": str(moment.month),
            "2006": f"{moment.year:04}",
            "2": str(moment.day),
            "_2": f"{moment.day:2}",
            "3": str(hour12),
            "4": str(moment.minute),
            "5": str(moment.second),
            "PM": "PM" if moment.hour >= 12 else "AM",
            "pm": "pm" if moment.hour >= 12 else "am",
        }[part]

    def _seconds(self) -> int:
        return int((self.moment.utcoffset() or timedelta()).total_seconds())

    def _zone(self) -> str:
        return self._offset("-0700") if self._seconds() else "UTC"

    def _offset(self, part: str) -> str:
        seconds = self._seconds()
        if part[0] == "Z" and not seconds:
            return "Z"
        hours, rest = divmod(abs(seconds), 3600)
        numbers = [hours, rest // 60, rest % 60]
        count = {"07": 1, "0700": 2, "07:00": 2, "070000": 3, "07:00:00": 3}[part[1:]]
        separator = ":" if ":" in part else ""
        return ("-" if seconds < 0 else "+") + separator.join(f"{each:02}" for each in numbers[:count])

    def member(self, name: str) -> Value:
        """Return a method; a time has no fields to be seen."""
        if name == "Format":
            return Function(
                "func(string) string", ("string",), lambda _, given: self.formatted(text(given[0]))
            )
        results: dict[str, Value] = {
            "Day": self.moment.day,
            "Hour": self.moment.hour,
            "IsZero": self.moment.replace(tzinfo=None) == datetime.min,
            "Local": self,
            "Minute": self.moment.minute,
            "Month": self.moment.month,
            "Nanosecond": self.nanosecond,
            "Second": self.moment.second,
            "String": self.text(),
            "UTC": GoTime(self.moment.astimezone(UTC), self.nanosecond),
            "Unix": (self.moment - _EPOCH) // timedelta(seconds=1),
            "UnixNano": (self.moment - _EPOCH) // timedelta(seconds=1) * 10**9 + self.nanosecond,
            "Weekday": self.moment.isoweekday() % 7,
            "Year": self.moment.year,
            "YearDay": self.moment.timetuple().tm_yday,
        }
        if name not in results:
            return None
        result = results[name]

        def call(_run: Any, _given: tuple[Value, ...]) -> Value:
            return result

        return Function("func()", (), call)

    def has_field(self, name: str) -> bool:
        """Whether there is a field of that name: those of Go's own structure."""
        return name in ("wall", "ext", "loc")


def parsed_rfc3339(text: str) -> datetime | None:
    """Read a time such as `2026-11-27T10:20:30Z`, `None` if it is none."""
    found = _RFC_3339.fullmatch(text)
    if found is None:
        return None
    try:
        return datetime.fromisoformat(found[1] + found[3])
    except ValueError:
        return None
