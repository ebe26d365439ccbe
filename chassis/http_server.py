"""An HTTP server as every service that has one runs it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from algolink.errors import FailedPrecondition
from chassis.addresses import split_address

_log = logging.getLogger(__name__)


@asynccontextmanager
async def serve_http(
    application: web.Application, address: str, *, grace_s: float
) -> AsyncIterator[int]:
    """Serves `application` on `host:port` until left; gives the bound port.

    Leaving it lets running requests finish within `grace_s` seconds.

    Raises:
        InvalidArgument: ADDRESS_INVALID.
        FailedPrecondition: ADDRESS_UNAVAILABLE.
    """
    host, port = split_address(address)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=grace_s)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise FailedPrecondition(
                "ADDRESS_UNAVAILABLE",
                f"cannot listen on {address} for HTTP: {error.strerror or error}",
                address=address,
            ) from error
        bound: int = runner.addresses[0][1]
        _log.info("http listening", extra={"host": host, "port": bound})
        yield bound
    finally:
        await runner.cleanup()
