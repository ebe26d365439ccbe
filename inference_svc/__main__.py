"""`python -m inference_svc`: one inference replica, or the agent of one that is a Triton."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager

import uvloop

from chassis import service
from chassis.runtime import Runtime
from inference_svc import app
from inference_svc.settings import EngineKind, Settings
from inference_svc.triton import app as triton_app


def stack(settings: Settings, runtime: Runtime) -> AbstractAsyncContextManager[None]:
    """What the settings ask for."""
    if settings.engine is EngineKind.TRITON:
        return triton_app.app(settings, runtime)
    return app.app(settings, runtime)


if __name__ == "__main__":
    # Of the time of a small prediction, a good part is the event loop's own.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    service.main("inference_svc", Settings, stack)
