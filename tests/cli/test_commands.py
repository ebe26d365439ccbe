from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from algolink.experiment.v1 import losses_pb2
from cli.experiment_file import EXAMPLE
from tests.algolink_client import fakes
from tests.cli.conftest import Run


@pytest.fixture
def experiment_file(tmp_path: Path) -> str:
    path = tmp_path / "iris-2.yaml"
    path.write_text(EXAMPLE)
    return str(path)


@pytest.fixture
def pushed(connected: Run, onnx: str) -> Run:
    """With two versions of iris."""
    connected("model", "push", onnx, "--name", "iris")
    connected("model", "push", onnx, "--name", "iris")
    return connected


@pytest.fixture
def created(pushed: Run, experiment_file: str) -> Run:
    """With a draft beside them."""
    pushed("experiment", "create", "-f", experiment_file)
    return pushed


class TestModel:
    def test_push_says_what_it_made_and_what_to_do_next(self, connected: Run, onnx: str) -> None:
        done = connected("model", "push", onnx, "--name", "iris")

        assert done.status == 0, done.err
        assert "models/iris/versions/1" in done.out
        assert "x FP32(?, 2)" in done.out
        assert "algolink predict iris --input '[[1, 1]]'" in done.out

    def test_a_version_that_is_not_champion_is_offered_for_comparison(self, pushed: Run) -> None:
        done = pushed("model", "push", __file__, "--name", "iris")

        assert "Version 1 still is the champion" in done.out
        assert "algolink model alias iris champion 3" in done.out

    def test_json_is_the_resource_with_its_own_names(self, connected: Run, onnx: str) -> None:
        done = connected(
            "model", "push", onnx, "--name", "iris", "--alias", "nightly", "-o", "json"
        )

        version = json.loads(done.out)
        assert version["name"] == "models/iris/versions/1"
        assert version["size_bytes"] == "31"
        assert version["signature"]["inputs"][0]["datatype"] == "FP32"

    def test_a_list_is_an_array_in_json_and_yaml(self, pushed: Run) -> None:
        as_json = json.loads(pushed("model", "versions", "iris", "-o", "json").out)
        as_yaml = yaml.safe_load(pushed("model", "versions", "iris", "-o", "yaml").out)

        assert [version["number"] for version in as_json] == ["2", "1"]
        assert as_json == as_yaml

    def test_nothing_is_an_empty_array(self, connected: Run) -> None:
        assert json.loads(connected("model", "list", "-o", "json").out) == []

    def test_an_alias_is_moved_with_its_reason(self, pushed: Run) -> None:
        done = pushed("model", "alias", "iris", "champion", "2", "--reason", "it is [better]")

        assert done.status == 0, done.err
        assert "version 2" in done.out
        assert "it is [better]" in done.out

    def test_an_unknown_model_is_one_line_with_the_reason(self, connected: Run) -> None:
        done = connected("model", "show", "iris")

        assert done.status == 1
        assert done.err == "error: no model models/iris [MODEL_NOT_FOUND]\n"
        assert done.out == ""

    def test_a_file_that_is_not_there_is_named(self, connected: Run) -> None:
        done = connected("model", "push", "none.onnx", "--name", "iris")

        assert done.status == 1
        assert done.err.startswith("error: none.onnx: No such file")


class TestPredict:
    def test_json_on_the_command_line(self, pushed: Run, world: fakes.World) -> None:
        done = pushed("predict", "iris", "--input", "[[1, 2]]", "--unit", "user-1", "-o", "json")

        prediction = json.loads(done.out)
        assert prediction["outputs"] == {"y": [[2.0, 4.0]]}
        assert prediction["version"] == 1
        assert prediction["arm"] == "challenger"
        assert world.units == ["user-1"]

    def test_rows_from_a_file(self, pushed: Run, tmp_path: Path) -> None:
        np.save(tmp_path / "rows.npy", np.ones((2, 2)))

        done = pushed("predict", "iris", "--input", f"x=@{tmp_path}/rows.npy", "--version", "2")

        assert done.status == 0, done.err
        assert "iris version 2" in done.out
        assert "[2. 2.]" in done.out

    def test_what_is_no_json_is_refused_with_an_example(self, pushed: Run) -> None:
        done = pushed("predict", "iris", "--input", "x=[[1,")

        assert done.status == 1
        assert "INPUT_INVALID" in done.err


class TestExperiment:
    def test_from_draft_to_champion(self, created: Run, world: fakes.World) -> None:
        started = created("experiment", "start", "iris-2")
        ramped = created("experiment", "ramp", "iris-2", "champion=50%", "challenger=5000bp")
        results = created("experiment", "results", "iris-2")
        concluded = created("experiment", "conclude", "iris-2", "--winner", "challenger")

        assert "running" in started.out
        assert ramped.out.count("50%") == 2
        assert "+0.1" in results.out
        assert "[+0.05, +0.15]" in results.out
        assert "challenger (version 2)" in concluded.out
        assert world.models["models/iris"].aliases["champion"].version == 2

    def test_shares_that_do_not_sum_up_are_refused(self, created: Run) -> None:
        done = created("experiment", "ramp", "iris-2", "champion=50%", "challenger=49.99%")

        assert done.status == 1
        assert done.err == (
            "error: weights sum to 9999: they must sum to 10000 basis points [WEIGHTS_INVALID]\n"
        )

    def test_watching_ends_with_the_experiment(self, created: Run) -> None:
        created("experiment", "stop", "iris-2", "--no-wait")

        table = created("experiment", "results", "iris-2", "--watch")
        lines = created("experiment", "results", "iris-2", "--watch", "-o", "json").out

        assert table.status == 0
        assert "10 of 100 units" in table.out
        assert json.loads(lines)["experiment"] == "experiments/iris-2"

    def test_list_and_show_are_the_resources(self, created: Run) -> None:
        listed = json.loads(created("experiment", "list", "-o", "json").out)
        shown = json.loads(created("experiment", "show", "iris-2", "-o", "json").out)

        assert listed == [shown]
        assert shown["state"] == "STATE_DRAFT"

    def test_no_decision_is_told(self, created: Run) -> None:
        done = created("experiment", "conclude", "iris-2")

        assert done.status == 1
        assert done.err == "error: 100 units are missing [NO_DECISION]\n"


class TestRouteAndStatus:
    def test_routes_and_why(self, pushed: Run) -> None:
        assert "iris" in pushed("route", "list").out
        assert "0123456789abcdef" in pushed("route", "show", "iris").out
        assert "nothing else applies" in pushed("route", "explain", "iris", "--unit", "u").out

    def test_status_is_one_object(self, pushed: Run, endpoint: str) -> None:
        status = json.loads(pushed("status", "-o", "json").out)

        assert status["admin_endpoint"] == endpoint
        assert status["status"]["replicas"][0]["id"] == "inference-1"
        assert [route["model"] for route in status["routes"]] == ["iris"]

    def test_status_for_people(self, pushed: Run) -> None:
        shown = pushed("status").out

        assert "inference-1" in shown
        assert "local" in shown


class TestLosses:
    def test_an_alarm_is_shown_until_somebody_acknowledges_it(
        self, pushed: Run, world: fakes.World
    ) -> None:
        quiet = pushed("status").out
        world.losses.append(
            losses_pb2.Loss(
                experiment="experiments/iris-2",
                exposures=3,
                at_least=True,
                node="envoy-1",
                cause="Envoy was killed",
            )
        )

        alarmed = pushed("status").out
        taken = pushed("experiment", "acknowledge-losses", "iris-2", "--note", "seen").out

        assert "LOST" not in quiet
        assert "acknowledge-losses iris-2" in alarmed.replace("\n", " ")
        assert "at least 3" in alarmed
        assert "by admin" in taken
        assert world.losses[0].note == "seen"
        assert "LOST" not in pushed("status").out

    def test_acknowledging_nothing_says_so(self, pushed: Run) -> None:
        assert "nothing is lost" in pushed("experiment", "acknowledge-losses", "iris-2").out


class TestToken:
    def test_it_may_come_from_a_file(
        self, connected: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.delenv("ALGOLINK_TOKEN")
        path = tmp_path / "token"
        path.write_text(f"{fakes.TOKEN}\n")

        without = connected("model", "list")
        given = connected("model", "list", "--token-file", str(path))

        assert without.status == 1
        assert "UNAUTHENTICATED" not in without.err
        assert "--token-file" in without.err
        assert given.status == 0

    def test_a_file_that_holds_none_is_refused(self, connected: Run, tmp_path: Path) -> None:
        path = tmp_path / "token"
        path.write_text("two words\n")

        done = connected("model", "list", "--token-file", str(path))

        assert done.status == 1
        assert "TOKEN_FILE_INVALID" in done.err


def test_tables_have_no_colours_where_nobody_looks(pushed: Run) -> None:
    assert "\x1b" not in pushed("model", "list").out
