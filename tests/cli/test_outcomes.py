"""`algolink outcome`: one, or a file of them."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from algolink.experiment.v1 import experiment_pb2
from tests.algolink_client import fakes
from tests.cli.conftest import Run


def purchases(path: Path, *lines: str) -> str:
    file = path / "purchases.csv"
    file.write_text("\n".join(["unit,metric,value", *lines]) + "\n")
    return str(file)


def test_one_outcome_is_recorded(connected: Run, world: fakes.World) -> None:
    arguments = ("--unit", "alice", "--metric", "revenue", "--value", "9.5")

    done = connected("outcome", "add", *arguments, "--event-id", "order-17")

    assert done.status == 0
    assert done.out.split() == ["recorded", "1"]
    assert world.outcomes["order-17"].value == 9.5


def test_a_file_that_is_recorded_again_counts_once(
    connected: Run, world: fakes.World, tmp_path: Path
) -> None:
    file = purchases(tmp_path, *(f"user-{number},revenue,{number}" for number in range(6_000)))

    first, second = (
        json.loads(connected("outcome", "record", file, "-o", "json").out) for _ in "ab"
    )

    assert len(world.outcomes) == 6_000
    assert (first["accepted"], first["redelivered"], first["skipped"]) == (6_000, 0, 0)
    assert (second["accepted"], second["redelivered"]) == (0, 6_000)


def test_a_bad_line_is_named_and_nothing_is_sent(
    connected: Run, world: fakes.World, tmp_path: Path
) -> None:
    good = [f"user-{number},revenue,{number}" for number in range(6_000)]
    file = purchases(tmp_path, *good, "two words,revenue,1", "alice,revenue,nan")

    done = connected("outcome", "record", file)

    assert done.status == 1
    assert f"{file}:6002: unit is 'two words'" in done.err
    assert "1 more bad line" in done.err
    assert world.outcomes == {}


def test_bad_lines_can_be_left_out_and_are_shown(
    connected: Run, world: fakes.World, tmp_path: Path
) -> None:
    file = purchases(tmp_path, "alice,revenue,1", "alice,revenue,inf", "bob,revenue,2")

    done = connected("outcome", "record", file, "--skip-bad")

    assert done.status == 0
    assert f"skipped {file}:3: value is inf" in done.err
    assert done.out.split() == ["recorded", "2", "skipped", "1", "bad", "lines"]
    assert {outcome.unit for outcome in world.outcomes.values()} == {"alice", "bob"}


def test_standard_input_is_a_file_too(
    connected: Run, world: fakes.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = json.dumps({"unit": "alice", "metric": "revenue", "value": 1})
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(line.encode())))

    done = connected("outcome", "record", "-")

    assert done.status == 0
    assert [outcome.unit for outcome in world.outcomes.values()] == ["alice"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [("a.csv", "unit,price\n", "HEADER_INVALID"), ("missing.csv", None, "FILE_NOT_FOUND")],
)
def test_what_is_no_file_of_outcomes_is_told_in_a_line(
    connected: Run, tmp_path: Path, name: str, content: str | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)

    done = connected("outcome", "record", str(tmp_path / name))

    assert done.status == 1
    assert len(done.err.splitlines()) == 1
    assert f"[{reason}]" in done.err


def test_the_status_says_what_counts_and_why_not(connected: Run, world: fakes.World) -> None:
    world.experiments["experiments/iris-2"] = experiment_pb2.Experiment()

    done = connected("outcome", "status", "iris-2")

    assert done.status == 0
    assert "none counts" in done.out
    assert "nobody sends it" in done.out
    assert "revenu (3)" in done.out


def test_the_status_of_no_experiment_is_an_error(connected: Run) -> None:
    done = connected("outcome", "status", "nothing")

    assert done.status == 1
    assert len(done.err.splitlines()) == 1
