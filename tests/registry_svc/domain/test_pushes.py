from __future__ import annotations

from typing import Any

import pytest

from algolink.errors import AlreadyExists, InvalidArgument, ResourceExhausted
from algolink.names import VersionName
from registry_svc.domain import pushes
from registry_svc.domain.pushes import Push
from tests.registry_svc.builders import a_header


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"request_id": ""}, "REQUEST_ID_INVALID"),
        ({"request_id": "a" * 129}, "REQUEST_ID_INVALID"),
        ({"request_id": "línea"}, "REQUEST_ID_INVALID"),
        ({"request_id": "a\n"}, "REQUEST_ID_INVALID"),
        ({"digest": "a" * 63}, "DIGEST_MALFORMED"),
        ({"digest": "A" * 64}, "DIGEST_MALFORMED"),
        ({"size_bytes": 0}, "ARTIFACT_EMPTY"),
        ({"size_bytes": -1}, "ARTIFACT_EMPTY"),
        ({"description": "a" * 1_001}, "DESCRIPTION_TOO_LONG"),
        ({"aliases": frozenset({"Not an alias"})}, "ALIAS_INVALID"),
    ],
)
def test_a_header_that_is_wrong_is_refused(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        a_header(**wrong)

    assert caught.value.reason == reason


def test_an_artifact_of_the_limit_is_allowed_and_one_byte_more_is_not() -> None:
    pushes.check_size(10, limit_bytes=10)

    with pytest.raises(ResourceExhausted) as caught:
        pushes.check_size(11, limit_bytes=10)
    assert caught.value.reason == "ARTIFACT_TOO_LARGE"


def test_a_repeated_push_finds_its_version() -> None:
    earlier = Push(request_id="push-1", version=VersionName("iris", 3), digest="a" * 64)

    assert pushes.repeated(a_header(digest="a" * 64), earlier) == VersionName("iris", 3)


@pytest.mark.parametrize("other", [{"digest": "b" * 64}, {"model": "digits"}])
def test_a_request_id_is_of_one_artifact_and_model(other: dict[str, Any]) -> None:
    earlier = Push(request_id="push-1", version=VersionName("iris", 3), digest="a" * 64)

    with pytest.raises(AlreadyExists) as caught:
        pushes.repeated(a_header(**other), earlier)

    assert caught.value.reason == "REQUEST_ID_REUSED"
