"""A failed rpc -> the error that the service meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import grpc
from google.rpc import error_details_pb2, status_pb2

from algolink.errors import BY_CODE, DOMAIN, AlgoLinkError, DeadlineExceeded, Unavailable

_DETAILS_KEY = "grpc-status-details-bin"

ENDPOINT_UNREACHABLE = "ENDPOINT_UNREACHABLE"
"""Reason where no connection could be made: nothing has been sent."""

_NOT_CONNECTED = ("failed to connect to all addresses", "DNS resolution failed")
_SILENT_SERVICE = ("upstream connect error", "no healthy upstream")
_BROKEN = ("RST_STREAM", "Internal error from Core")
"""The second is what grpc.aio says where an upload was still being written as the call
ended, in place of how it ended."""
"""What grpcio says where a proxy resets a stream, for a service that was killed."""


class RpcFailure(Protocol):
    """What `grpc.RpcError` of a call and `grpc.aio.AioRpcError` have in common."""

    def code(self) -> grpc.StatusCode: ...

    def details(self) -> str | None: ...

    def trailing_metadata(self) -> Any: ...


def restored(failure: RpcFailure, *, endpoint: str, timeout_s: float) -> AlgoLinkError:
    """The error that `failure` carries.

    Where the answer has no `google.rpc.ErrorInfo` of ours (it is Envoy's, or
    there was none) the reason is the status code's name, or one that says what
    to do about it.
    """
    code, details = failure.code(), failure.details() or ""
    told = _error_info(failure.trailing_metadata() or ())
    kind = BY_CODE.get(code.name, AlgoLinkError)
    if told is not None:
        return kind(told.reason, details, **told.metadata)
    if code is grpc.StatusCode.UNAVAILABLE and details.startswith(_NOT_CONNECTED):
        return Unavailable(
            ENDPOINT_UNREACHABLE,
            f"nothing answers at {endpoint}: is `algolink up` running?",
            endpoint=endpoint,
        )
    if code is grpc.StatusCode.UNAVAILABLE and details.startswith(_SILENT_SERVICE):
        return Unavailable(
            "SERVICE_UNREACHABLE",
            f"{endpoint} answers, but the service behind it does not: is it restarting?",
            endpoint=endpoint,
        )
    if code is grpc.StatusCode.INTERNAL and any(broken in details for broken in _BROKEN):
        return Unavailable(
            "ANSWER_BROKEN_OFF",
            f"{endpoint} broke off its answer: has the service behind it been killed?",
            endpoint=endpoint,
        )
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineExceeded(
            code.name, f"no answer from {endpoint} within {timeout_s:g} s", endpoint=endpoint
        )
    return kind(code.name, details or f"{endpoint} answered {code.name} without a message")


def _error_info(
    trailing_metadata: Iterable[tuple[str, str | bytes]],
) -> error_details_pb2.ErrorInfo | None:
    for key, value in trailing_metadata:
        if key != _DETAILS_KEY or not isinstance(value, bytes):
            continue
        status = status_pb2.Status.FromString(value)
        for detail in status.details:
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info) and info.domain == DOMAIN:
                return info
    return None
