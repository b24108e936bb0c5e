"""Schedules such as `30 9 * * MON-FRI`, for the filter `matchesCron`."""

import calendar
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}

_SHORTHANDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_ENTRY = re.compile(r"(?:(\*|\?)|(\w+)(?:-(\w+))?)(?:/(\d{1,4}))?", re.ASCII)

Day = Callable[[datetime], bool]


class BadSchedule(ValueError):
    """Not a schedule."""


@dataclass(frozen=True)
class Schedule:
    """The minutes at which something is due."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: tuple[Day, ...]
    months: frozenset[int]
    weekdays: tuple[Day, ...]
    years: frozenset[int] | None

    @classmethod
    def parse(cls, text: str) -> "Schedule":
        """Read minute, hour, day, month and weekday; a sixth field is the year, a seventh is seconds, first.

        Raises:
            BadSchedule: It is not that.
        """
        fields = _SHORTHANDS.get(text.strip().lower(), text).lower().split()
        if not 5 <= len(fields) <= 7:
            raise BadSchedule("it needs five fields: minute, hour, day, month, weekday")
        if len(fields) == 7:
            _numbers(fields.pop(0), 0, 59, {})
        minute, hour, day, month, weekday, *year = fields
        return cls(
            minutes=_numbers(minute, 0, 59, {}),
            hours=_numbers(hour, 0, 23, {}),
            days=() if day in ("*", "?") else tuple(map(_day, day.split(","))),
            months=_numbers(month, 1, 12, _MONTHS),
            weekdays=() if weekday in ("*", "?") else tuple(map(_weekday, weekday.split(","))),
            years=None if not year or year[0] == "*" else _numbers(year[0], 1970, 2099, {}),
        )

    def includes(self, moment: datetime) -> bool:
        """Whether it is due in that minute; day and weekday, if both are given, are alternatives."""
        if self.years is not None and moment.year not in self.years:
            return False
        if (
            moment.minute not in self.minutes
            or moment.hour not in self.hours
            or moment.month not in self.months
        ):
            return False
        days = (*self.days, *self.weekdays)
        return not days or any(day(moment) for day in days)


def _numbers(field: str, least: int, most: int, names: Mapping[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for entry in field.split(","):
        match = _ENTRY.fullmatch(entry)
        if match is None:
            raise BadSchedule(f"'{entry}' cannot be read")
        star, first, last, step = match.groups()
        if step is not None and not int(step):
            raise BadSchedule(f"'{entry}' has a step of 0")
        begin = least if star else _number(first, least, most, names)
        end = most if star or (step and not last) else _number(last or first, least, most, names)
        if begin > end:
            raise BadSchedule(f"'{entry}' goes backwards")
        found.update(range(begin, end + 1, int(step or 1)))
    return frozenset(found)


def _number(word: str, least: int, most: int, names: Mapping[str, int]) -> int:
    number = names.get(word[:3], -1) if not word.isdecimal() else int(word[:5])
    if not least <= number <= most:
        raise BadSchedule(f"{word} is not from {least} to {most}")
    return number


def _day(entry: str) -> Day:
    if entry == "l":
        return lambda moment: (moment + timedelta(days=1)).day == 1
    if found := re.fullmatch(r"(\d{1,2})w", entry):
        wanted = _number(found[1], 1, 31, {})
        return lambda moment: moment.day == _nearest_workday(moment, wanted)
    numbers = _numbers(entry, 1, 31, {})
    return lambda moment: moment.day in numbers


def _nearest_workday(moment: datetime, wanted: int) -> int:
    last = calendar.monthrange(moment.year, moment.month)[1]
    day = min(wanted, last)
    match moment.replace(day=day).isoweekday():
        case 6:
            return day - 1 if day > 1 else day + 2
        case 7:
            return day + 1 if day < last else day - 2
    return day


def _weekday(entry: str) -> Day:
    if found := re.fullmatch(r"(\w+)#([1-5])", entry):
        wanted, week = _number(found[1], 0, 7, _DAYS) % 7, int(found[2])
        return lambda moment: moment.isoweekday() % 7 == wanted and (moment.day + 6) // 7 == week
    if found := re.fullmatch(r"(\d|[a-z]{3})l", entry):
        wanted = _number(found[1], 0, 7, _DAYS) % 7
        return lambda moment: (
            moment.isoweekday() % 7 == wanted and (moment + timedelta(days=7)).month != moment.month
        )
    numbers = {number % 7 for number in _numbers(entry, 0, 7, _DAYS)}
    return lambda moment: moment.isoweekday() % 7 in numbers
