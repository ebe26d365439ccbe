"""What a stream is held to once the router has chosen."""

from __future__ import annotations

import pytest

from algolink.errors import InvalidArgument
from inference_svc.domain.streams import Pin


def test_without_a_router_each_request_is_on_its_own() -> None:
    pin = Pin(None)

    assert [pin.version_for("a", "2"), pin.version_for("b", "")] == [2, None]


@pytest.mark.parametrize(("model", "named"), [("b", ""), ("a", "4"), ("b", "3")])
def test_a_routed_stream_refuses_what_the_router_has_not_chosen(model: str, named: str) -> None:
    pin = Pin(3)
    assert pin.version_for("a", "") == pin.version_for("a", "3") == 3

    with pytest.raises(InvalidArgument) as caught:
        pin.version_for(model, named)

    assert caught.value.reason == "STREAM_PINNED"
