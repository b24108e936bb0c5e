"""The filters that the server adds to pongo2's."""

from .. import values
from ..budget import Budget
from ..cron import BadSchedule, Schedule
from ..errors import Failure, Panic
from ..gotext import trimmed
from ..gotime import parsed_rfc3339
from ..numbers import as_integer
from ..regex import BadPattern, compiled
from ..values import Map, Value, text

_SPACES = compiled(r"\s+")


def _key(value: Value, argument: Value, budget: Budget) -> Value:
    if value is None:
        return None
    if not isinstance(value, Map):
        raise Panic(f"only an object has keys, not a value of type {values.go_type(value)}")
    return value.items.get(text(argument))


def _match(value: Value, argument: Value, budget: Budget) -> Value:
    whole = text(value)
    budget.text(len(whole))
    try:
        return compiled(text(argument)).found(whole) is not None
    except BadPattern:
        # The server does not look at this error.
        return False


def _extract_match(value: Value, argument: Value, budget: Budget) -> Value:
    whole = text(value)
    budget.text(len(whole))
    try:
        found = compiled(text(argument)).found(whole)
    except BadPattern as error:
        raise Panic(f"the argument of extractMatch is no regular expression: {error}") from None
    return found[1] or "" if found is not None and len(found) > 1 else whole


def _kvp(value: Value, argument: Value, budget: Budget) -> Value:
    budget.step(text(value).count(","))
    parts = text(value).split(",")
    pairs = [pair for part in parts if len(pair := part.split("=")) == 2]
    return Map({trimmed(key): trimmed(member) for key, member in pairs})


def _index(value: Value, argument: Value, budget: Budget) -> Value:
    return (
        values.index(value, as_integer(argument)) if values.can_slice(value) and values.length(value) else ""
    )


def _matches_cron(value: Value, argument: Value, budget: Budget) -> Value:
    moment = parsed_rfc3339(text(value))
    if moment is None:
        raise Panic(f"'{text(value)}' is no time such as 2026-11-27T10:20:30Z")
    try:
        return Schedule.parse(text(argument)).includes(moment)
    except BadSchedule as error:
        raise Failure(f"the argument of matchesCron is no schedule: {error}") from None


def _removedupwhitespaces(value: Value, argument: Value, budget: Budget) -> Value:
    budget.step(len(text(value)) // 4)
    return _SPACES.sub(" ", text(value)).rstrip(" ")


def _safecopypaste(value: Value, argument: Value, budget: Budget) -> Value:
    return text(value).replace("\xa0", " ")


FILTERS = {
    "extractMatch": _extract_match,
    "index": _index,
    "key": _key,
    "kvp": _kvp,
    "match": _match,
    "matchesCron": _matches_cron,
    "removedupwhitespaces": _removedupwhitespaces,
    "safecopypaste": _safecopypaste,
}
