"""`python -m inference_svc`: one inference replica, or the agent of one that is a Triton.

`python -m inference_svc --standalone --models FOLDER` serves a folder of models by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import uvloop

from chassis import service
from chassis.runtime import Runtime
from inference_svc import app
from inference_svc.settings import EngineKind, Settings, StandaloneSettings
from inference_svc.standalone import app as standalone_app
from inference_svc.triton import app as triton_app


def stack(settings: Settings, runtime: Runtime) -> AbstractAsyncContextManager[None]:
    """What the settings ask for."""
    if settings.engine is EngineKind.TRITON:
        return triton_app.app(settings, runtime)
    return app.app(settings, runtime)


def parsed() -> argparse.Namespace:
    """What the command line says; all else is said by the environment."""
    parser = argparse.ArgumentParser(prog="inference_svc")
    parser.add_argument(
        "--standalone", action="store_true", help="serve a folder of models, without the suite"
    )
    parser.add_argument(
        "--models", type=Path, help="the folder: MODEL/VERSION/model.onnx, or MODEL.onnx"
    )
    arguments = parser.parse_args()
    if arguments.standalone != (arguments.models is not None):
        parser.error("--standalone and --models FOLDER go together")
    return arguments


if __name__ == "__main__":
    # Of the time of a small prediction, a good part is the event loop's own.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    arguments = parsed()
    if arguments.standalone:
        # A setting like all others, of which this is the shorter way to say it.
        os.environ["ALGOLINK_MODELS"] = str(arguments.models)
        service.main("inference_svc", StandaloneSettings, standalone_app.app)
    service.main("inference_svc", Settings, stack)
