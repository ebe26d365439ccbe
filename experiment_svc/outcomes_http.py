"""Outcomes over HTTP: a batch in each request, all of it or nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.typedefs import Handler

from algolink.errors import (
    AlgoLinkError,
    InvalidArgument,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
)
from chassis import auth
from experiment_svc import outcomes_json
from experiment_svc.http_front import as_json, token_needed
from experiment_svc.intake import OutcomeIntake

_log = logging.getLogger(__name__)

PREFIX: Final = "/v1"
PATH: Final = f"{PREFIX}/outcomes:batch"

BODY_LIMIT_BYTES: Final = 8 << 20
"""Of a body, once it is unpacked."""

_ENCODINGS: Final = frozenset({"", "identity", "gzip", "deflate"})

_STATUS: Final = {
    InvalidArgument: 400,
    Unauthenticated: 401,
    ResourceExhausted: 413,
    Unavailable: 503,
}


class OutcomesFront:
    """Reads JSON, stores outcomes, writes what became of them.

    Args:
        outcomes: shared with whoever else takes outcomes.
        tokens: whoever bears one may send; None lets everybody.
        now: the clock; UTC.
    """

    def __init__(
        self, outcomes: OutcomeIntake, tokens: auth.Tokens | None, *, now: Callable[[], datetime]
    ) -> None:
        self._outcomes = outcomes
        self._tokens = tokens
        self._now = now

    def application(self) -> web.Application:
        """For `PREFIX`."""
        app = web.Application(middlewares=[_errors, token_needed(self._tokens)])
        app.add_routes([web.post(PATH.removeprefix(PREFIX), self._record)])
        return app

    async def _record(self, request: web.Request) -> web.Response:
        body = await _body(request)
        # Thousands of lines take long enough for others to notice.
        batch = await asyncio.to_thread(outcomes_json.parse, body, received=self._now())
        receipt = await self._outcomes.put(batch)
        return as_json(
            {
                "accepted": receipt.accepted,
                "redelivered": receipt.redelivered,
                "conflicts": receipt.conflicts,
            }
        )


async def _body(request: web.Request) -> bytes:
    encoding = request.headers.get("Content-Encoding", "").lower()
    if encoding not in _ENCODINGS:
        raise web.HTTPUnsupportedMediaType(
            reason="Content-Encoding must be gzip, deflate or identity"
        )
    body = bytearray()
    try:
        async for piece in request.content.iter_any():
            body += piece
            if len(body) > BODY_LIMIT_BYTES:
                raise ResourceExhausted(
                    "BATCH_TOO_LARGE",
                    f"the body is larger than {BODY_LIMIT_BYTES} bytes: send it in parts",
                    limit=BODY_LIMIT_BYTES,
                )
    except (BadHttpMessage, web.RequestPayloadError) as error:
        raise InvalidArgument(
            "BODY_INVALID", f"the body cannot be read as {encoding or 'it is'}: {error}"
        ) from error
    return bytes(body)


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers every error as JSON: reason, message, and the line where there is one."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        return as_json({"reason": "HTTP_ERROR", "message": error.reason}, status=error.status)
    except AlgoLinkError as error:
        told: dict[str, str | int] = {"reason": error.reason, "message": error.message}
        if "line" in error.metadata:
            told["line"] = int(error.metadata["line"])
        return as_json(told, status=_STATUS.get(type(error), 500))
    except Exception:  # noqa: BLE001  the last resort: logged, and told as what it is
        _log.exception("request failed unexpectedly", extra={"path": request.path})
        return as_json({"reason": "INTERNAL", "message": "internal error"}, status=500)
