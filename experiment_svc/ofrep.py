"""OpenFeature's remote evaluation protocol (OFREP 0.3) over HTTP.

Any OpenFeature SDK reads assignments here. Evaluating a flag is no exposure.
"""

from __future__ import annotations

import logging
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from algolink.errors import AlgoLinkError, InvalidArgument, Unauthenticated
from algolink.names import ExperimentName, shown
from chassis import auth
from experiment_svc.assigning import Plans
from experiment_svc.domain import flags
from experiment_svc.http_front import as_json, token_needed

_log = logging.getLogger(__name__)

PREFIX: Final = "/ofrep/v1"
FLAGS_PATH: Final = f"{PREFIX}/evaluate/flags"
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
        """The protocol's two routes, for `PREFIX`."""
        app = web.Application(middlewares=[_errors, token_needed(self._tokens)])
        path = FLAGS_PATH.removeprefix(PREFIX)
        app.add_routes(
            [
                web.post(path, self._evaluate_all),
                web.post(f"{path}/{{{_KEY}}}", self._evaluate),
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
            return as_json(flags.failure(key, "FLAG_NOT_FOUND", details), status=404)
        found = flags.evaluate(plan, unit)
        return as_json(found, status=400 if "errorCode" in found else 200)

    async def _evaluate_all(self, request: web.Request) -> web.Response:
        unit = flags.targeting_key(await request.read())
        answer = as_json(flags.evaluate_all(await self._plans.all(), unit))
        body = answer.body
        tag = flags.etag(body if isinstance(body, bytes) else b"")
        if tag in _tags(request.headers.get("If-None-Match", "")):
            return web.Response(status=304, headers={"ETag": tag})
        answer.headers["ETag"] = tag
        return answer


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers every error in the protocol's form."""
    try:
        return await handler(request)
    except InvalidArgument as error:
        # The protocol's own codes; the key is there only where one flag was asked for.
        named = {_KEY: request.match_info[_KEY]} if _KEY in request.match_info else {}
        failure = {**named, "errorCode": error.reason, "errorDetails": error.message}
        return as_json(failure, status=400)
    except Unauthenticated as error:
        return as_json({"errorDetails": error.message}, status=401)
    except web.HTTPException as error:
        return as_json({"errorDetails": error.reason}, status=error.status)
    except AlgoLinkError as error:
        status = 503 if error.code == "UNAVAILABLE" else 500
        return as_json({"errorDetails": error.message}, status=status)
    except Exception:  # noqa: BLE001  the last resort: logged, and told as what it is
        _log.exception("request failed unexpectedly", extra={"path": request.path})
        return as_json({"errorDetails": "internal error"}, status=500)


def _tags(header: str) -> list[str]:
    return [tag.strip().removeprefix("W/") for tag in header.split(",")]
