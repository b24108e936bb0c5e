"""The audit of the embedded Flyte API: what became of executions, newest first."""

from collections.abc import Mapping
from datetime import datetime

from aiohttp import web

from . import flyte_wire as wire
from .engine import Execution
from .flyte_http import RefusedError, base_of, reply


class Audit:
    """The executions, to be looked through.

    Args:
        executions: All of them, by their ids.
    """

    def __init__(self, executions: Mapping[str, Execution]) -> None:
        self._executions = executions

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/v1/audit/flows", self._get_all),
            web.get("/v1/audit/flows/{execution}", self._get_one),
        ]

    async def _get_all(self, request: web.Request) -> web.Response:
        query = request.query
        start, limit = _number(query.get("start", ""), 0), _number(query.get("limit", ""), 50)
        if start < 0 or limit <= 0:
            # The server's database refuses these.
            raise RefusedError(500)
        found = [(_asked(each, query), each) for each in self._executions.values()]
        newest = sorted(((moment, each) for moment, each in found if moment), key=_moment, reverse=True)
        executions = [execution for _, execution in newest[start : start + limit]]
        return reply(request, wire.audits_view(base_of(request), executions))

    async def _get_one(self, request: web.Request) -> web.Response:
        execution = self._executions.get(request.match_info["execution"])
        if execution is None:
            raise RefusedError(404)
        return reply(request, wire.audit_view(base_of(request), execution))


def _moment(pair: tuple[datetime, Execution]) -> datetime:
    return pair[0]


def _number(text: str, default: int) -> int:
    try:
        return int(text)
    except ValueError:
        return default


def _asked(execution: Execution, query: Mapping[str, str]) -> datetime | None:
    """Return when an action that the query asks for last changed, `None` if the execution has none."""
    wanted = {
        "flow_name": query.get("flowName"),
        "step_id": query.get("stepId"),
        "name": query.get("actionName"),
        "pack_name": query.get("actionPackName"),
    }
    pairs = [pair.split(":") for pair in query.get("actionPackLabels", "").split(",")]
    labels = {pair[0].strip(): pair[1].strip() for pair in pairs if len(pair) == 2}
    moments = [
        action.states[-1][1]
        for action in execution.actions.values()
        if all(not value or getattr(action, name) == value for name, value in wanted.items())
        and labels.items() <= action.pack_labels.items()
    ]
    return max(moments, default=None)
