"""AlgoLink errors as gRPC statuses, and back."""

from __future__ import annotations

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from algolink.errors import BY_CODE, DOMAIN, AlgoLinkError, Unavailable

_DETAILS_KEY = "grpc-status-details-bin"
_MAX_MESSAGE = 2_000  # characters: trailers are bounded to 8 KiB by default


def to_status(error: AlgoLinkError) -> grpc.Status:
    """`error` as a status with `google.rpc.ErrorInfo` in its trailers."""
    info = any_pb2.Any()
    info.Pack(
        error_details_pb2.ErrorInfo(
            reason=error.reason,
            domain=DOMAIN,
            metadata={key: _cut(value, 200) for key, value in error.metadata.items()},
        )
    )
    return rpc_status.to_status(
        status_pb2.Status(
            code=code_pb2.Code.Value(error.code),
            message=_cut(error.message, _MAX_MESSAGE),
            details=[info],
        )
    )


def from_rpc_error(error: grpc.aio.AioRpcError) -> AlgoLinkError:
    """The error that a server of ours raised; one without details keeps its code.

    A status that comes from gRPC or a proxy instead (a refused connection, say)
    has reason RPC_FAILED.
    """
    error_type = BY_CODE.get(error.code().name, AlgoLinkError)
    info = _error_info(error)
    message = error.details() or error.code().name
    if info is None:
        return error_type("RPC_FAILED", message)
    rebuilt = error_type(info.reason, message)
    rebuilt.metadata.update(info.metadata)
    return rebuilt


def draining() -> Unavailable:
    """What a call gets that a draining service ends."""
    return Unavailable("DRAINING", "the service is going down: try again")


def _error_info(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo | None:
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            for detail in status_pb2.Status.FromString(value).details:
                info = error_details_pb2.ErrorInfo()
                if detail.Unpack(info) and info.domain == DOMAIN:
                    return info
    return None


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."
