"""`python -m inference_svc`: one inference replica."""

from __future__ import annotations

import asyncio

import uvloop

from chassis import service
from inference_svc.app import app
from inference_svc.settings import Settings

if __name__ == "__main__":
    # Of the time of a small prediction, a good part is the event loop's own.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    service.main("inference_svc", Settings, app)
