"""`algolink experiment assign`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from algolink import split
from cli.experiment_file import EXAMPLE
from tests.algolink_client import fakes
from tests.cli.conftest import Run

UNITS = [f"user-{number}" for number in range(1_000)]


@pytest.fixture
def running(connected: Run, onnx: str, tmp_path: Path) -> Run:
    """With an experiment that runs."""
    file = tmp_path / "iris-2.yaml"
    file.write_text(EXAMPLE)
    for _ in range(2):
        connected("model", "push", onnx, "--name", "iris")
    connected("experiment", "create", "-f", str(file))
    connected("experiment", "start", "iris-2", "--no-wait")
    return connected


@pytest.fixture
def units_file(tmp_path: Path) -> str:
    path = tmp_path / "users.txt"
    path.write_text("\n".join([*UNITS, "", "no unit"]) + "\n")
    return str(path)


def expected(world: fakes.World) -> list[str]:
    experiment = world.experiments["experiments/iris-2"]
    table = split.allocate({arm.id: arm.weight_bp for arm in experiment.arms})
    return [table.arm_of(split.bucket(experiment.salt, unit)) for unit in UNITS]


def test_units_are_explained(running: Run, world: fakes.World) -> None:
    done = running("experiment", "assign", "iris-2", *UNITS[:3])

    assert done.status == 0
    for unit, arm in zip(UNITS[:3], expected(world), strict=False):
        assert any(line.split()[:2] == [unit, arm] for line in done.out.splitlines())


def test_a_file_is_counted_for_people(running: Run, world: fakes.World, units_file: str) -> None:
    done = running("experiment", "assign", "iris-2", "--file", units_file)

    arms = expected(world)
    for arm in set(arms):
        assert any(
            line.split()[:2] == [arm, str(arms.count(arm))] for line in done.out.splitlines()
        )
    assert "(no unit)" in done.out


def test_a_file_is_a_line_of_json_per_unit_for_programs(
    running: Run, world: fakes.World, units_file: str
) -> None:
    done = running("experiment", "assign", "iris-2", "--file", units_file, "-o", "json")

    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [line["unit"] for line in lines] == [*UNITS, "no unit"]
    assert [line["arm"] for line in lines] == [*expected(world), ""]


def test_a_bad_unit_is_one_line(running: Run) -> None:
    done = running("experiment", "assign", "iris-2", "two words")

    assert done.status != 0
    assert "is no unit" in done.err
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize("arguments", [(), ("user-1", "--file", "users.txt")])
def test_units_come_from_one_place(
    running: Run, units_file: str, arguments: tuple[str, ...]
) -> None:
    given = [units_file if argument == "users.txt" else argument for argument in arguments]

    done = running("experiment", "assign", "iris-2", *given)

    assert "name units, or a --file of them" in done.err
