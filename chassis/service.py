"""The life of a service: start, serve, drain, stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import NoReturn, TypeVar

from pydantic import ValidationError

from algolink.errors import AlgoLinkError
from chassis import logs, process, telemetry
from chassis.runtime import Runtime
from chassis.settings import ServiceSettings, describe

__all__ = ["Runtime", "main", "run"]

_log = logging.getLogger(__name__)

S = TypeVar("S", bound=ServiceSettings)
App = Callable[[S, Runtime], AbstractAsyncContextManager[None]]


def main(name: str, settings_type: type[S], app: App[S]) -> NoReturn:
    """Runs a service until SIGTERM or SIGINT, then drains it and exits 0.

    Whatever keeps it from starting is told in one line on standard error, and
    the exit status is 1.

    Args:
        app: the stack of everything that the service opens; it serves while the
            stack is entered.
    """
    try:
        settings = settings_type()
        logs.configure(name, settings.log_level)
        process.die_with_parent(settings.parent_pid)
        with telemetry.running(name, settings):
            asyncio.run(run(name, settings, app))
    except ValidationError as error:
        _refuse(name, describe(error))
    except (AlgoLinkError, OSError) as error:
        _refuse(name, str(error))
    except BaseExceptionGroup as group:
        _refuse(name, _summary(group))
    sys.exit(0)


async def run(name: str, settings: S, app: App[S]) -> None:
    """Runs a service in this event loop until it is told to stop.

    Raises:
        BaseExceptionGroup: what background tasks failed with.
    """
    async with asyncio.TaskGroup() as tasks:
        runtime = Runtime(name, tasks)
        with _stop_signals() as stop:
            async with app(settings, runtime):
                runtime.health.serving()
                _log.info("serving")
                await stop.wait()
                await _drain(runtime, settings)
        runtime.cancel_spawned()
    _log.info("stopped")


async def _drain(runtime: Runtime, settings: ServiceSettings) -> None:
    _log.info("draining")
    runtime.health.drain()
    await asyncio.sleep(settings.drain_notice_s)  # load balancers notice before we refuse calls
    runtime.draining.set()


@contextmanager
def _stop_signals() -> Iterator[asyncio.Event]:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _summary(group: BaseExceptionGroup[BaseException]) -> str:
    """One line about what failed; the log has the traceback of what was not foreseen."""
    _, unforeseen = group.split((AlgoLinkError, OSError))
    if unforeseen is not None:
        _log.error("service failed", exc_info=unforeseen)
    return "; ".join(str(error) or type(error).__name__ for error in _leaves(group))


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _refuse(name: str, message: str) -> NoReturn:
    sys.stderr.write(f"{name}: {message}\n")
    sys.exit(1)
