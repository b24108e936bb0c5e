"""Beginning the execution of actions: which of several at once may be begun."""

from sqlalchemy import BigInteger, ColumnElement, Connection, Float, Text, bindparam, column, func, update
from sqlalchemy.dialects.postgresql import ARRAY

from .schema import State, actions
from .writer import Bulk

Beginning = tuple[int, str, float]
"""Number of the row, its lane, and when."""


def begin(fence: ColumnElement[bool]) -> Bulk:
    """Return what begins actions, and tells which of them were still there to be begun.

    Args:
        fence: holds for the lanes in which this replica may work.
    """
    unfinished = (actions.c.state == State.TAKEN) | (actions.c.state == State.EXECUTING)
    this = (actions.c.id == bindparam("row"), actions.c.lane == bindparam("in"))
    one = (
        update(actions)
        .where(*this, unfinished, fence)
        .values(state=State.EXECUTING, begun_at=bindparam("at"))
    )
    given = func.unnest(
        bindparam("ids", type_=ARRAY(BigInteger)),
        bindparam("lanes", type_=ARRAY(Text)),
        bindparam("times", type_=ARRAY(Float)),
    ).table_valued(column("id", BigInteger), column("lane", Text), column("at", Float))
    given = given.render_derived(name="given")
    all_ = (
        update(actions)
        .where(actions.c.id == given.c.id, actions.c.lane == given.c.lane, unfinished, fence)
        .values(state=State.EXECUTING, begun_at=given.c.at)
        .returning(actions.c.id)
    )

    def write(connection: Connection, rows: list[Beginning]) -> list[bool]:
        if connection.dialect.name == "sqlite":
            which = ({"row": id_, "in": lane, "at": at} for id_, lane, at in rows)
            return [connection.execute(one, row).rowcount == 1 for row in which]
        ids, lanes, times = map(list, zip(*rows, strict=True))
        begun = set(connection.scalars(all_, {"ids": ids, "lanes": lanes, "times": times}))
        return [id_ in begun for id_, _, _ in rows]

    return Bulk(write, one_statement=True)
