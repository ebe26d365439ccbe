"""Envoy's own admin interface, behind a Unix socket."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import aiohttp

from mesh_agent import statistics
from mesh_agent.statistics import Statistics

SOCKET_NAME = "admin.sock"
_TIMEOUT = aiohttp.ClientTimeout(total=5)


class EnvoyAdmin:
    """Asks the Envoy that runs in a folder; a dead one answers nothing and raises nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def is_live(self) -> bool:
        """Whether Envoy takes requests."""
        return await self._call("GET", "/ready") is not None

    async def active_requests(self) -> int:
        """Predictions that Envoy is working on."""
        answer = await self._call("GET", "/stats?filter=^http.data.downstream_rq_active$")
        return int((answer or "").rpartition(": ")[2] or 0)

    async def statistics(self, before: Statistics | None) -> Statistics | None:
        """What Envoy counts; None if it does not say."""
        asked_s = time.time()
        query = {"filter": statistics.FILTER, "format": "json"}
        answer = await self._call("GET", "/stats", query)
        try:
            return Statistics.parse(answer, before=before, time_s=asked_s) if answer else None
        except (ValueError, KeyError):
            return None

    async def drain(self) -> None:
        """Stops taking connections and asks clients to open new ones elsewhere."""
        await self._call("POST", "/drain_listeners?graceful&skip_exit")

    async def reopen_logs(self) -> None:
        """Makes Envoy open its log files anew."""
        await self._call("POST", "/reopen_logs")

    async def _call(
        self, method: str, path: str, query: dict[str, str] | None = None
    ) -> str | None:
        """Body of a successful answer; None for any other."""
        try:
            descriptor = os.open(self._folder, os.O_RDONLY)
        except FileNotFoundError:
            return None
        # Paths of sockets are limited to 107 bytes, those of folders are not.
        socket = (
            f"/proc/self/fd/{descriptor}/{SOCKET_NAME}"
            if sys.platform == "linux"
            else str(self._folder / SOCKET_NAME)
        )
        try:
            async with (
                aiohttp.ClientSession(
                    connector=aiohttp.UnixConnector(socket, force_close=True), timeout=_TIMEOUT
                ) as session,
                session.request(method, f"http://envoy{path}", params=query) as answer,
            ):
                body = await answer.text()
                return body if answer.ok else None
        except (TimeoutError, aiohttp.ClientError, OSError):
            return None
        finally:
            os.close(descriptor)
