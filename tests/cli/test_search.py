"""`algolink model search`."""

from __future__ import annotations

import json

import pytest

from tests.algolink_client import fakes
from tests.cli.conftest import Run


@pytest.fixture
def pushed(connected: Run, onnx: str, world: fakes.World) -> Run:
    """With versions of two models."""
    for model, count in (("digits", 2), ("iris", 3)):
        for _ in range(count):
            connected("model", "push", onnx, "--name", model)
    world.versions["models/iris"][0].tags["team"] = "vision"
    world.versions["models/iris"][0].metrics["f1"] = 0.93
    return connected


def test_versions_of_all_models_are_listed(pushed: Run) -> None:
    done = pushed("model", "search", "number = 1")

    rows = [line.split()[:2] for line in done.out.splitlines()[1:]]
    assert rows == [["digits", "1"], ["iris", "1"]]


def test_what_was_asked_about_is_shown(pushed: Run) -> None:
    done = pushed("model", "search", "number = 1", "--order-by", "metrics.f1 desc, tags.team")

    heading, digits, iris = done.out.splitlines()
    assert heading.split()[:5] == ["MODEL", "VERSION", "STATE", "F1", "TEAM"]
    assert digits.split()[3:5] == ["-", "-"]
    assert iris.split()[3:5] == ["0.93", "vision"]


def test_programs_get_whole_versions(pushed: Run) -> None:
    found = json.loads(pushed("model", "search", "-o", "json").out)

    assert len(found) == 5
    assert {"name", "digest", "metrics", "tags"} <= set(found[0])


@pytest.mark.parametrize(("limit", "hint"), [("2", True), ("100", False)])
def test_a_list_that_may_go_on_says_so(pushed: Run, limit: str, hint: bool) -> None:
    done = pushed("model", "search", "--limit", limit)

    assert ("there may be more" in done.out) is hint


def test_a_filter_that_is_wrong_says_where_in_one_line(pushed: Run) -> None:
    done = pushed("model", "search", "color = red")

    assert done.status != 0
    assert "position 1" in done.err
    assert len(done.err.splitlines()) == 1
