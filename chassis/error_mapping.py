"""The one place where an exception becomes a status."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from algolink.errors import AlgoLinkError
from chassis import errors
from chassis.interception import Context

_log = logging.getLogger(__name__)


@asynccontextmanager
async def mapped_errors(method: str, context: Context) -> AsyncIterator[None]:
    """Answers an AlgoLinkError with its status, anything else with a bare INTERNAL.

    Cancellation, and an abort that the handler asked for, pass through.
    """
    try:
        yield
    except AlgoLinkError as error:
        await context.abort_with_status(errors.to_status(error))
    except grpc.aio.AbortError:
        raise
    except Exception:  # noqa: BLE001  this is the place that answers what nobody foresaw
        _log.exception("rpc failed unexpectedly", extra={"method": method})
        await context.abort(grpc.StatusCode.INTERNAL, "internal error")
