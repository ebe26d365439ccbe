"""Envoy's own admin interface, behind a Unix socket."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

SOCKET_NAME = "admin.sock"
_TIMEOUT = aiohttp.ClientTimeout(total=5)


class EnvoyAdmin:
    """Asks one Envoy for things; a dead one answers nothing and raises nothing."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def is_live(self) -> bool:
        """Whether Envoy takes requests."""
        return await self._call("GET", "/ready") is not None

    async def active_requests(self) -> int:
        """Predictions that Envoy is working on."""
        answer = await self._call("GET", "/stats?filter=^http.data.downstream_rq_active$")
        return int((answer or "").rpartition(": ")[2] or 0)

    async def drain(self) -> None:
        """Stops taking connections and asks clients to open new ones elsewhere."""
        await self._call("POST", "/drain_listeners?graceful&skip_exit")

    async def reopen_logs(self) -> None:
        """Makes Envoy open its log files anew."""
        await self._call("POST", "/reopen_logs")

    async def _call(self, method: str, path: str) -> str | None:
        """Body of a successful answer; None for any other."""
        try:
            async with self._session.request(method, f"http://envoy{path}") as answer:
                body = await answer.text()
                return body if answer.ok else None
        except (TimeoutError, aiohttp.ClientError, OSError):
            return None


@asynccontextmanager
async def envoy_admin(folder: Path) -> AsyncIterator[EnvoyAdmin]:
    """The admin interface of the Envoy that runs in `folder`."""
    descriptor = os.open(folder, os.O_RDONLY)
    # Paths of sockets are limited to 107 bytes, those of folders are not.
    path = (
        f"/proc/self/fd/{descriptor}/{SOCKET_NAME}"
        if sys.platform == "linux"
        else str(folder / SOCKET_NAME)
    )
    try:
        connector = aiohttp.UnixConnector(path, force_close=True)
        async with aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT) as session:
            yield EnvoyAdmin(session)
    finally:
        os.close(descriptor)
