"""Errors that say what the caller can do about them.

The class says what to do (it is one status code), the reason is stable and
UPPER_SNAKE, the metadata repeats each value that the message mentions. Nothing
here knows gRPC: the chassis maps an error to a status, the client maps it back.
"""

from __future__ import annotations

from typing import ClassVar

DOMAIN = "algolink.dev"
"""Domain of every `google.rpc.ErrorInfo`."""


class AlgoLinkError(Exception):
    """Base of all errors that are told to a caller.

    Attributes:
        code: name of the canonical status code.
        reason: stable, UPPER_SNAKE, unique within `DOMAIN`.
        message: one sentence for people.
        metadata: the offending values, as strings.
    """

    code: ClassVar[str] = "UNKNOWN"

    def __init__(self, reason: str, message: str, /, **metadata: object) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.metadata = {key: str(value) for key, value in metadata.items()}

    def __str__(self) -> str:
        return f"{self.message} [{self.reason}]"


class InvalidArgument(AlgoLinkError):
    """The request is wrong whatever the state: change it."""

    code = "INVALID_ARGUMENT"


class OutOfRange(AlgoLinkError):
    """A position past the end."""

    code = "OUT_OF_RANGE"


class NotFound(AlgoLinkError):
    """What the request names does not exist."""

    code = "NOT_FOUND"


class AlreadyExists(AlgoLinkError):
    """What the request would make exists, and is something else."""

    code = "ALREADY_EXISTS"


class FailedPrecondition(AlgoLinkError):
    """The state does not allow it: change the state first."""

    code = "FAILED_PRECONDITION"


class Aborted(AlgoLinkError):
    """Somebody else wrote first: read again, then retry."""

    code = "ABORTED"


class Unauthenticated(AlgoLinkError):
    """No valid token."""

    code = "UNAUTHENTICATED"


class PermissionDenied(AlgoLinkError):
    """The token is valid and may not do this."""

    code = "PERMISSION_DENIED"


class ResourceExhausted(AlgoLinkError):
    """A limit is reached: send less, or later."""

    code = "RESOURCE_EXHAUSTED"


class DeadlineExceeded(AlgoLinkError):
    """It took longer than the caller allowed."""

    code = "DEADLINE_EXCEEDED"


class Unavailable(AlgoLinkError):
    """Not now: retry with backoff."""

    code = "UNAVAILABLE"


class Unimplemented(AlgoLinkError):
    """This server does not offer it."""

    code = "UNIMPLEMENTED"


class DataLoss(AlgoLinkError):
    """Stored or received bytes are not what they were."""

    code = "DATA_LOSS"


BY_CODE: dict[str, type[AlgoLinkError]] = {
    error.code: error for error in AlgoLinkError.__subclasses__()
}
"""Error class of each status code."""
