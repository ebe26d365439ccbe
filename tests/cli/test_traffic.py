from __future__ import annotations

import json

import pytest

from tests.algolink_client import fakes
from tests.cli.conftest import Run


@pytest.fixture
def pushed(connected: Run, onnx: str) -> Run:
    """With a version of iris."""
    connected("model", "push", onnx, "--name", "iris")
    return connected


def test_a_shift_is_shown_with_its_buckets(pushed: Run) -> None:
    done = pushed("traffic", "shift", "iris", "1=90", "2=9.5%", "3=50bp", "--reason", "canary")

    assert done.status == 0, done.err
    assert "1 90%, 2 9.5%, 3 0.5% by x-algolink-unit" in done.out
    assert "9000-9949" in done.out
    assert "r1" in done.out


def test_a_shift_by_request_in_json(pushed: Run) -> None:
    done = pushed("traffic", "shift", "iris", "1=90", "2=10", "--unit", "request", "-o", "json")

    traffic = json.loads(done.out)
    assert traffic["shift"]["weights_bp"] == {"1": 9_000, "2": 1_000}
    assert traffic["shift"]["unit"] == "SHIFT_UNIT_REQUEST"


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["1=90", "x=10"], 1, "'x' is not VERSION=SHARE"),
        (["1=90", "1=10"], 1, "named twice"),
        (["1=ninety"], 1, "is not a share"),
        (["1"], 1, "'1' is not VERSION=SHARE: use 2=10"),
        ([], 2, "VERSION=SHARE"),
        (["--clear", "1=100"], 2, "VERSION=SHARE"),
        (["--clear", "--unit", "request"], 2, "VERSION=SHARE"),
        (["1=100", "--etag", "r7"], 1, "ETAG_MISMATCH"),
    ],
)
def test_what_is_no_shift_is_refused(
    pushed: Run, arguments: list[str], status: int, words: str
) -> None:
    done = pushed("traffic", "shift", "iris", *arguments)

    assert done.status == status
    assert words in done.err


def test_a_kill_says_how_to_take_it_back(pushed: Run) -> None:
    killed = pushed("traffic", "kill", "iris", "2", "--reason", "it is [wrong]")
    shown = pushed("traffic", "show", "iris")
    revived = pushed("traffic", "revive", "iris", "2")

    assert killed.status == 0, killed.err
    assert "algolink traffic revive iris 2" in killed.out
    assert "2 (as champion: 1)" in shown.out
    assert "2 (as champion: 1)" not in revived.out


def test_history_tells_everything_newest_first(pushed: Run) -> None:
    pushed("traffic", "shift", "iris", "1=90", "2=10")
    pushed("traffic", "shift", "iris", "--clear")
    pushed("traffic", "kill", "iris", "1", "--to", "2", "--reason", "it is [wrong]")
    pushed("traffic", "revive", "iris", "1")
    pushed("traffic", "freeze", "iris")
    pushed("traffic", "unfreeze", "iris")

    lines = pushed("traffic", "history", "iris").out.splitlines()
    events = json.loads(pushed("traffic", "history", "iris", "--limit", "1", "-o", "json").out)

    assert [words in line for words, line in zip(EXPECTED, lines[1:], strict=True)] == [True] * 8
    assert "it is [wrong]" in lines[4]
    assert [event["decision"]["action"] for event in events] == ["TRAFFIC_ACTION_UNFREEZE"]


EXPECTED = (
    "unfreeze",
    "freeze",
    "revive 1",
    "kill 1 (2 stands in as champion)",
    "clear the shift",
    "shift to 1 90%, 2 10% by x-algolink-unit",
    "route 0123456789abcdef: champion 1; shift: v1 100%; killed 2",
    "route gone",
)


def test_a_wait_that_was_too_short_says_what_is_missing(pushed: Run, world: fakes.World) -> None:
    world.live = False

    late = pushed("traffic", "shift", "iris", "1=90", "2=10", "--wait-timeout", "0.2")
    at_once = pushed("traffic", "shift", "iris", "1=90", "2=10", "--no-wait")

    assert late.status == 1
    assert "version 2 is not ready on r1 (loading) [ROUTE_NOT_LIVE]" in late.err
    assert at_once.status == 0


@pytest.mark.parametrize("at", ["2026-11-20T14:30:00Z", "2026-11-20T15:30:00+01:00"])
def test_an_explanation_of_a_past_route(pushed: Run, at: str) -> None:
    done = pushed("route", "explain", "iris", "--unit", "u", "--at", at)

    assert "as at 2026-11-20T14:30:00Z" in done.out


def test_a_time_that_is_none_is_refused(pushed: Run) -> None:
    done = pushed("route", "explain", "iris", "--at", "yesterday")

    assert done.status == 2
    assert "'yesterday' is no time" in done.err
