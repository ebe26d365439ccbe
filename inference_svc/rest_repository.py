"""Repository and settings calls over HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aiohttp import web

from algolink.errors import InvalidArgument
from inference_svc import oip_json, repository
from inference_svc.data_plane import DataPlane
from inference_svc.fixed_settings import check_unchanged
from inference_svc.rest_answers import as_json


class RepositoryRoutes:
    """The part of the service that is about what it holds and how it runs."""

    def __init__(self, plane: DataPlane) -> None:
        self._plane = plane

    def routes(self) -> Iterable[web.RouteDef]:
        """Each path with what answers it."""
        yield web.post("/v2/repository/index", self._index)
        yield web.post("/v2/repository/models/{model}/load", self._load)
        yield web.post("/v2/repository/models/{model}/unload", self._unload)
        for path in ("/v2/trace/setting", "/v2/models/{model}/trace/setting"):
            yield web.get(path, self._trace)
            yield web.post(path, self._set_trace)
        yield web.get("/v2/logging", self._log)
        yield web.post("/v2/logging", self._set_log)

    async def _index(self, request: web.Request) -> web.Response:
        body = await _body(request)
        only_ready = body.get("ready", False)
        if not isinstance(only_ready, bool):
            raise InvalidArgument("BODY_INVALID", "`ready` must be true or false")
        entries = await self._plane.repository.index("", only_ready=only_ready)
        return as_json(
            [
                {"name": entry.model, "version": str(entry.version), "state": entry.state}
                | ({"reason": entry.reason} if entry.reason else {})
                for entry in entries
            ]
        )

    async def _load(self, request: web.Request) -> web.Response:
        for name in oip_json.parameters_of(await _body(request)):
            raise repository.refuse_parameter(name)
        await self._plane.repository.load("", request.match_info["model"])
        return web.Response()

    async def _unload(self, request: web.Request) -> web.Response:
        await self._plane.repository.unload("", request.match_info["model"])
        return web.Response()

    async def _trace(self, _request: web.Request) -> web.Response:
        settings = self._plane.settings.trace
        return as_json(
            {
                name: list(value) if name == "trace_level" else value[0]
                for name, value in settings.items()
            }
        )

    async def _set_trace(self, request: web.Request) -> web.Response:
        asked = {name: _texts(value) for name, value in (await _body(request)).items()}
        check_unchanged(asked, self._plane.settings.trace)
        return await self._trace(request)

    async def _log(self, _request: web.Request) -> web.Response:
        return as_json(dict(self._plane.settings.log))

    async def _set_log(self, request: web.Request) -> web.Response:
        check_unchanged(await _body(request), self._plane.settings.log)
        return await self._log(request)


async def _body(request: web.Request) -> dict[str, Any]:
    """The request's JSON object; one without a body says nothing."""
    body = await request.read()
    return oip_json.parse_body(body) if body else {}


def _texts(value: object) -> tuple[str, ...] | None:
    """A setting, which REST spells as a text or a list of texts."""
    if value is None:
        return None
    return tuple(str(item) for item in value) if isinstance(value, list) else (str(value),)
