"""The Open Inference Protocol over HTTP."""

from __future__ import annotations

import re
from contextlib import AbstractAsyncContextManager
from typing import Final

from aiohttp import web

from algolink.names import INTERNAL_VERSION_HEADER
from chassis.http_server import serve_http
from chassis.http_telemetry import observed
from inference_svc import (
    EXTENSIONS,
    SERVED_HEADER,
    SERVER_NAME,
    SERVER_VERSION,
    oip_binary,
    oip_json,
    oip_model,
    rest_answers,
)
from inference_svc.data_plane import DataPlane
from inference_svc.domain.requests import parse_version
from inference_svc.plain import plain
from inference_svc.rest_answers import as_json, errors
from inference_svc.rest_repository import RepositoryRoutes
from inference_svc.rest_shared_memory import SharedMemoryRoutes

BODY_LIMIT_BYTES: Final = 128 * 1024 * 1024


_DEADLINE_HEADER: Final = "x-envoy-expected-rq-timeout-ms"
"""Envoy's: how long it waits for this attempt."""

_DEADLINE: Final = re.compile("[1-9][0-9]{0,9}")


class RestFront:
    """Reads JSON and bytes, asks the data plane, writes JSON and bytes."""

    def __init__(self, plane: DataPlane) -> None:
        self._plane = plane

    def application(self) -> web.Application:
        """The routes, with and without a version in the path."""
        app = web.Application(client_max_size=BODY_LIMIT_BYTES, middlewares=[observed(), errors])
        app.add_routes(
            [
                web.get("/v2", self._server_metadata),
                web.get("/v2/health/live", self._live),
                web.get("/v2/health/ready", self._ready),
                # Before the paths of models, one of which may be called `stats`.
                web.get("/v2/models/stats", self._statistics),
                *RepositoryRoutes(self._plane).routes(),
                *SharedMemoryRoutes(self._plane.memory).routes(),
            ]
        )
        for path in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}"):
            app.add_routes(
                [
                    web.get(path, self._model_metadata),
                    web.get(f"{path}/ready", self._model_ready),
                    web.get(f"{path}/config", self._model_config),
                    web.get(f"{path}/stats", self._statistics),
                    web.post(f"{path}/infer", self._infer),
                ]
            )
        return app

    async def _server_metadata(self, _request: web.Request) -> web.Response:
        return as_json({"name": SERVER_NAME, "version": SERVER_VERSION, "extensions": EXTENSIONS})

    async def _live(self, _request: web.Request) -> web.Response:
        return as_json({"live": True})

    async def _ready(self, _request: web.Request) -> web.Response:
        is_ready = self._plane.predictor.is_ready
        return as_json({"ready": is_ready}, status=200 if is_ready else 503)

    async def _model_metadata(self, request: web.Request) -> web.Response:
        metadata = self._plane.predictor.model_metadata(
            request.match_info["model"], _version(request)
        )
        return as_json(oip_json.metadata_to_json(metadata))

    async def _model_ready(self, request: web.Request) -> web.Response:
        model = request.match_info["model"]
        is_ready = self._plane.predictor.is_model_ready(model, _version(request))
        return as_json({"name": model, "ready": is_ready}, status=200 if is_ready else 503)

    async def _model_config(self, request: web.Request) -> web.Response:
        metadata = self._plane.predictor.model_metadata(
            request.match_info["model"], _version(request)
        )
        return as_json(plain(oip_model.config_to_proto(metadata)))

    async def _statistics(self, request: web.Request) -> web.Response:
        # Not the header's version: a client that names none asks about all of them.
        version = parse_version(request.match_info.get("version", ""))
        statistics = self._plane.predictor.statistics(request.match_info.get("model"), version)
        return as_json(plain(oip_model.statistics_to_proto(statistics)))

    async def _infer(self, request: web.Request) -> web.Response:
        head, tail = oip_binary.split(
            await request.read(), request.headers.get(oip_binary.LENGTH_HEADER)
        )
        decoded = oip_json.request_from_json(
            oip_json.parse_body(head),
            tail,
            request.match_info["model"],
            _version(request),
            self._plane.memory,
        )
        response = await self._plane.infer(decoded, timeout_s=_deadline_s(request))
        body, parts = oip_json.response_to_json(response, decoded)
        answer = rest_answers.as_tensors(body, parts, {SERVED_HEADER: str(response.version)})
        rest_answers.pack(answer, request.headers.get("Accept-Encoding"))
        return answer


def serve(plane: DataPlane, address: str, *, grace_s: float) -> AbstractAsyncContextManager[int]:
    """Serves on `host:port` until left; see `chassis.http_server.serve_http`."""
    return serve_http(RestFront(plane).application(), address, grace_s=grace_s)


def _version(request: web.Request) -> int | None:
    """The version to run: the router's header wins over the path."""
    named = request.headers.get(INTERNAL_VERSION_HEADER)
    return parse_version(request.match_info.get("version", "") if named is None else named)


def _deadline_s(request: web.Request) -> float | None:
    """How long whoever forwarded the request waits for its answer; None if it does not say."""
    named = request.headers.get(_DEADLINE_HEADER, "")
    return int(named) / 1_000 if _DEADLINE.fullmatch(named) else None
