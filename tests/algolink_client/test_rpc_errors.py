"""A failed rpc says what the caller can do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc
import pytest

from algolink.client.rpc_errors import restored


@dataclass(frozen=True)
class Failure:
    """What gRPC raises, as far as it is looked at."""

    status: grpc.StatusCode
    text: str

    def code(self) -> grpc.StatusCode:
        return self.status

    def details(self) -> str | None:
        return self.text

    def trailing_metadata(self) -> Any:
        return ()


@pytest.mark.parametrize(
    ("code", "details", "reason"),
    [
        (grpc.StatusCode.INTERNAL, "Received RST_STREAM with error code 2", "ANSWER_BROKEN_OFF"),
        (grpc.StatusCode.INTERNAL, "Internal error from Core", "ANSWER_BROKEN_OFF"),
        (grpc.StatusCode.INTERNAL, "a bug", "INTERNAL"),
        (grpc.StatusCode.UNAVAILABLE, "failed to connect to all addresses", "ENDPOINT_UNREACHABLE"),
        (grpc.StatusCode.UNAVAILABLE, "no healthy upstream", "SERVICE_UNREACHABLE"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "", "DEADLINE_EXCEEDED"),
        (grpc.StatusCode.NOT_FOUND, "no model", "NOT_FOUND"),
    ],
)
def test_what_no_service_of_ours_said_gets_a_reason(
    code: grpc.StatusCode, details: str, reason: str
) -> None:
    error = restored(Failure(code, details), endpoint="127.0.0.1:9001", timeout_s=3)

    assert error.reason == reason


def test_an_upload_that_broke_off_may_be_tried_again() -> None:
    failure = Failure(grpc.StatusCode.INTERNAL, "Internal error from Core")

    assert restored(failure, endpoint="127.0.0.1:9001", timeout_s=3).code == "UNAVAILABLE"
