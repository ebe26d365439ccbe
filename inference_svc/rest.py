"""The Open Inference Protocol over HTTP and JSON."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler

from algolink.errors import AlgoLinkError, FailedPrecondition
from algolink.names import INTERNAL_VERSION_HEADER
from inference_svc import SERVED_HEADER, SERVER_NAME, SERVER_VERSION, oip_json
from inference_svc.domain.requests import parse_version
from inference_svc.predictor import Predictor
from inference_svc.rest_telemetry import observed

_log = logging.getLogger(__name__)

BODY_LIMIT_BYTES: Final = 128 * 1024 * 1024

_STATUS: Final = {
    "INVALID_ARGUMENT": 400,
    "NOT_FOUND": 404,
    "FAILED_PRECONDITION": 409,
    "RESOURCE_EXHAUSTED": 429,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""HTTP status of each code that a predictor answers with; any other is 500."""

REASON_HEADER: Final = "x-algolink-reason"
"""On every error: its stable reason."""


class RestFront:
    """Reads JSON, asks the predictor, writes JSON."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def application(self) -> web.Application:
        """The routes, with and without a version in the path."""
        app = web.Application(client_max_size=BODY_LIMIT_BYTES, middlewares=[observed(), _errors])
        app.add_routes(
            [
                web.get("/v2", self._server_metadata),
                web.get("/v2/health/live", self._live),
                web.get("/v2/health/ready", self._ready),
            ]
        )
        for path in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}"):
            app.add_routes(
                [
                    web.get(path, self._model_metadata),
                    web.get(f"{path}/ready", self._model_ready),
                    web.post(f"{path}/infer", self._infer),
                ]
            )
        return app

    async def _server_metadata(self, _request: web.Request) -> web.Response:
        return _json({"name": SERVER_NAME, "version": SERVER_VERSION, "extensions": []})

    async def _live(self, _request: web.Request) -> web.Response:
        return _json({"live": True})

    async def _ready(self, _request: web.Request) -> web.Response:
        is_ready = self._predictor.is_ready
        return _json({"ready": is_ready}, status=200 if is_ready else 503)

    async def _model_metadata(self, request: web.Request) -> web.Response:
        metadata = self._predictor.model_metadata(request.match_info["model"], _version(request))
        return _json(oip_json.metadata_to_json(metadata))

    async def _model_ready(self, request: web.Request) -> web.Response:
        model = request.match_info["model"]
        is_ready = self._predictor.is_model_ready(model, _version(request))
        return _json({"name": model, "ready": is_ready}, status=200 if is_ready else 503)

    async def _infer(self, request: web.Request) -> web.Response:
        if oip_json.BINARY_HEADER in request.headers:
            raise oip_json.binary_unsupported()
        body = oip_json.parse_body(await request.read())
        response = await self._predictor.infer(
            oip_json.request_from_json(body, request.match_info["model"], _version(request))
        )
        return _json(
            oip_json.response_to_json(response), headers={SERVED_HEADER: str(response.version)}
        )


@asynccontextmanager
async def serve(
    predictor: Predictor, host: str, port: int, *, grace_s: float
) -> AsyncIterator[int]:
    """Serves until left; gives the bound port.

    Leaving it lets running requests finish within `grace_s` seconds.

    Raises:
        FailedPrecondition: ADDRESS_UNAVAILABLE.
    """
    runner = web.AppRunner(
        RestFront(predictor).application(), access_log=None, shutdown_timeout=grace_s
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise FailedPrecondition(
                "ADDRESS_UNAVAILABLE",
                f"cannot listen on {host}:{port} for HTTP: {error.strerror or error}",
                address=f"{host}:{port}",
            ) from error
        bound: int = runner.addresses[0][1]
        _log.info("http listening", extra={"host": host, "port": bound})
        yield bound
    finally:
        await runner.cleanup()


def _version(request: web.Request) -> int | None:
    """The version to run: the router's header wins over the path."""
    named = request.headers.get(INTERNAL_VERSION_HEADER)
    return parse_version(request.match_info.get("version", "") if named is None else named)


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except AlgoLinkError as error:
        return _error(_STATUS.get(error.code, 500), error.message, error.reason)
    except web.HTTPException as error:
        return _error(error.status, error.reason, "HTTP_" + str(error.status))
    except Exception:  # noqa: BLE001  # the last resort: logged, and told as what it is
        _log.exception("request failed unexpectedly", extra={"path": request.path})
        return _error(500, "internal error", "INTERNAL")


def _error(status: int, message: str, reason: str) -> web.Response:
    return _json({"error": message}, status=status, headers={REASON_HEADER: reason})


def _json(
    body: dict[str, Any], *, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    return web.json_response(body, status=status, headers=headers, dumps=_dumps)


def _dumps(body: object) -> str:
    return json.dumps(body, separators=(",", ":"), allow_nan=False)
