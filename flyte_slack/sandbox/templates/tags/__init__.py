"""The tags, by name. What would read files of the server is refused."""

from ..document import Document, Tag, TagParser
from ..nodes import Node
from . import branches, loops, names, texts


def _refused(_document: Document, tag: Tag) -> Node:
    raise tag.error(f"{tag.name} reads files of the server: it is refused")


TAGS: dict[str, TagParser] = {
    **branches.TAGS,
    **loops.TAGS,
    **names.TAGS,
    **texts.TAGS,
    **dict.fromkeys(["extends", "import", "include", "ssi"], _refused),
}
