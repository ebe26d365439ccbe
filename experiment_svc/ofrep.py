"""OpenFeature's remote evaluation protocol (OFREP 0.3) over HTTP.

Any OpenFeature SDK reads assignments here. Evaluating a flag is no exposure.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler

from algolink.errors import AlgoLinkError, InvalidArgument, Unauthenticated
from algolink.names import ExperimentName, shown
from chassis import auth
from chassis.http_telemetry import observed
from experiment_svc.assigning import Plans
from experiment_svc.domain import flags

_log = logging.getLogger(__name__)

BODY_LIMIT_BYTES: Final = 64 * 1024

PREFIX: Final = "/ofrep/v1/evaluate/flags"
_KEY: Final = "key"


class OfrepFront:
    """Reads JSON, asks the plans, writes JSON.

    Args:
        tokens: whoever bears one may ask; None lets everybody.
    """

    def __init__(self, plans: Plans, tokens: auth.Tokens | None) -> None:
        self._plans = plans
        self._tokens = tokens

    def application(self) -> web.Application:
        """The protocol's two routes."""
        app = web.Application(
            client_max_size=BODY_LIMIT_BYTES, middlewares=[observed(), _errors, self._authorized]
        )
        app.add_routes(
            [
                web.post(PREFIX, self._evaluate_all),
                web.post(f"{PREFIX}/{{{_KEY}}}", self._evaluate),
            ]
        )
        return app

    async def _evaluate(self, request: web.Request) -> web.Response:
        key = request.match_info[_KEY]
        unit = flags.targeting_key(await request.read())
        try:
            plan = await self._plans.get(ExperimentName.parse(f"experiments/{key}"))
        except AlgoLinkError as error:
            if error.code not in ("NOT_FOUND", "INVALID_ARGUMENT"):
                raise
            details = f"there is no experiment {shown(key)}"
            return _as_json(flags.failure(key, "FLAG_NOT_FOUND", details), status=404)
        found = flags.evaluate(plan, unit)
        return _as_json(found, status=400 if "errorCode" in found else 200)

    async def _evaluate_all(self, request: web.Request) -> web.Response:
        unit = flags.targeting_key(await request.read())
        answer = _as_json(flags.evaluate_all(await self._plans.all(), unit))
        body = answer.body
        tag = flags.etag(body if isinstance(body, bytes) else b"")
        if tag in _tags(request.headers.get("If-None-Match", "")):
            return web.Response(status=304, headers={"ETag": tag})
        answer.headers["ETag"] = tag
        return answer

    @web.middleware
    async def _authorized(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self._tokens is not None:
            key = request.headers.get("X-API-Key")
            self._tokens.check(f"Bearer {key}" if key else request.headers.get("Authorization"))
        return await handler(request)


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers every error in the protocol's form."""
    try:
        return await handler(request)
    except InvalidArgument as error:
        # The protocol's own codes; the key is there only where one flag was asked for.
        named = {_KEY: request.match_info[_KEY]} if _KEY in request.match_info else {}
        failure = {**named, "errorCode": error.reason, "errorDetails": error.message}
        return _as_json(failure, status=400)
    except Unauthenticated as error:
        return _as_json({"errorDetails": error.message}, status=401)
    except web.HTTPException as error:
        return _as_json({"errorDetails": error.reason}, status=error.status)
    except AlgoLinkError as error:
        status = 503 if error.code == "UNAVAILABLE" else 500
        return _as_json({"errorDetails": error.message}, status=status)
    except Exception:  # noqa: BLE001  the last resort: logged, and told as what it is
        _log.exception("request failed unexpectedly", extra={"path": request.path})
        return _as_json({"errorDetails": "internal error"}, status=500)


def _as_json(body: Mapping[str, Any], *, status: int = 200) -> web.Response:
    encoded = json.dumps(body, separators=(",", ":")).encode()
    return web.Response(body=encoded, status=status, content_type="application/json")


def _tags(header: str) -> list[str]:
    return [tag.strip().removeprefix("W/") for tag in header.split(",")]
