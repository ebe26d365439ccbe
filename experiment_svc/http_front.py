"""What this service answers over HTTP: a front for each thing, side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from chassis import auth
from chassis.http_telemetry import observed

BODY_LIMIT_BYTES: Final = 64 * 1024
"""Of what is read whole; who takes more reads it piece by piece."""


def application(fronts: Mapping[str, web.Application]) -> web.Application:
    """All fronts, by the prefix of their paths."""
    app = web.Application(client_max_size=BODY_LIMIT_BYTES, middlewares=[observed()])
    for prefix, front in fronts.items():
        app.add_subapp(prefix, front)
    return app


def token_needed(tokens: auth.Tokens | None) -> Middleware:
    """A middleware that lets in who has a token, as bearer or as `X-API-Key`.

    Args:
        tokens: those that are accepted; None lets everybody in.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if tokens is not None:
            key = request.headers.get("X-API-Key")
            tokens.check(f"Bearer {key}" if key else request.headers.get("Authorization"))
        return await handler(request)

    return check


def as_json(body: Mapping[str, Any], *, status: int = 200) -> web.Response:
    """An answer."""
    encoded = json.dumps(body, separators=(",", ":")).encode()
    return web.Response(body=encoded, status=status, content_type="application/json")
