from __future__ import annotations

import grpc
import pytest

from algolink import errors


@pytest.mark.parametrize(("code", "error"), errors.BY_CODE.items())
def test_every_error_has_the_name_of_a_status_code(
    code: str, error: type[errors.AlgoLinkError]
) -> None:
    assert code in {status.name for status in grpc.StatusCode}
    assert error.code == code


def test_no_two_errors_share_a_code() -> None:
    # Services have subclasses of their own, which are never sent as such.
    ours = [e for e in errors.AlgoLinkError.__subclasses__() if e.__module__ == errors.__name__]

    assert len(errors.BY_CODE) == len(ours)


def test_an_error_says_its_message_and_its_reason() -> None:
    error = errors.NotFound("MODEL_NOT_FOUND", "there is no model iris", model="iris")

    assert str(error) == "there is no model iris [MODEL_NOT_FOUND]"


def test_offending_values_are_kept_as_strings() -> None:
    error = errors.InvalidArgument("WEIGHTS_INVALID", "no", total_bp=9_999, arm=None)

    assert error.metadata == {"total_bp": "9999", "arm": "None"}


def test_a_value_may_be_called_like_a_part_of_the_error() -> None:
    error = errors.Unavailable("DRAINING", "stopping", reason="signal", message="m")

    assert (error.reason, error.message) == ("DRAINING", "stopping")
    assert error.metadata == {"reason": "signal", "message": "m"}
