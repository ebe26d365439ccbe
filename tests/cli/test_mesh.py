from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import Run

TABLES = Path(__file__).parents[2] / "examples" / "route-tables"
EXPERIMENT = str(TABLES / "experiment-90-10.json")
TARGETS = ["envoy", "istio", "gateway-api"]


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_rendered_is_valid_and_does_not_differ(
    run: Run, tmp_path: Path, target: str
) -> None:
    options = ("--target", target, "--table", EXPERIMENT)

    assert run("mesh", "render", *options, "--out", str(tmp_path)).status == 0
    assert run("mesh", "diff", str(tmp_path), *options).status == 0
    assert run("mesh", "validate", str(tmp_path)).status == 0


@pytest.mark.parametrize("target", TARGETS)
def test_without_a_folder_it_is_one_stream(run: Run, target: str) -> None:
    done = run("mesh", "render", "--target", target, "--table", EXPERIMENT)

    assert done.status == 0
    assert [value for value in yaml.safe_load_all(done.out) if value]


def test_a_difference_is_shown_and_is_exit_status_1(run: Run, tmp_path: Path) -> None:
    plain = str(TABLES / "champion-only.json")
    run("mesh", "render", "--target", "istio", "--table", plain, "--out", str(tmp_path))

    done = run("mesh", "diff", str(tmp_path), "--target", "istio", "--table", EXPERIMENT)

    assert done.status == 1
    assert f"--- {tmp_path} VirtualService algolink-ingress/iris" in done.out
    assert "+      weight: 1000" in done.out
    assert done.err == ""


def test_differences_are_told_thing_by_thing_to_programs(run: Run, tmp_path: Path) -> None:
    plain = str(TABLES / "champion-only.json")
    run("mesh", "render", "--target", "istio", "--table", plain, "--out", str(tmp_path))
    options = ("--target", "istio", "-o", "json")

    same = json.loads(run("mesh", "diff", str(tmp_path), *options, "--table", plain).out)
    done = run("mesh", "diff", str(tmp_path), *options, "--table", EXPERIMENT)

    assert same == {"same": True, "edited": [], "changes": []}
    assert done.status == 1
    changed = {(c["change"], c["kind"], c["name"]) for c in json.loads(done.out)["changes"]}
    assert changed == {
        ("added", "EnvoyFilter", "algolink-ingress/buckets-iris"),
        ("changed", "VirtualService", "algolink-ingress/iris"),
        ("changed", "head", "models/iris.yaml"),
    }


def test_objects_that_lie_in_other_files_are_the_same(run: Run, tmp_path: Path) -> None:
    options = ("--target", "istio", "--table", EXPERIMENT)
    run("mesh", "render", *options, "--out", str(tmp_path))
    whole = [file.read_text() for file in sorted(tmp_path.rglob("*.yaml"))]
    moved = tmp_path / "moved"
    moved.mkdir()
    (moved / "all.yaml").write_text("---\n".join(whole))

    changes = json.loads(run("mesh", "diff", str(moved), *options, "-o", "json").out)["changes"]

    assert {change["kind"] for change in changes} == {"head"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--envoy", "127.0.0.1:9", "--table", EXPERIMENT),
        ("--envoy", EXPERIMENT, "--table", EXPERIMENT),
        ("folder", "--target", "istio", "--table", "no-such.json"),
        ("folder", "--table", EXPERIMENT),
        (),
    ],
)
def test_what_cannot_be_compared_is_exit_status_2(run: Run, arguments: tuple[str, ...]) -> None:
    done = run("mesh", "diff", *arguments)

    assert done.status == 2
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1


def test_an_edited_file_is_told_by_validate_and_by_diff(run: Run, tmp_path: Path) -> None:
    options = ("--target", "istio", "--table", EXPERIMENT)
    run("mesh", "render", *options, "--out", str(tmp_path))
    edited = tmp_path / "models" / "iris.yaml"
    edited.write_text(edited.read_text().replace("weight: 1000", "weight: 2000"))

    validated = run("mesh", "validate", str(tmp_path))
    compared = run("mesh", "diff", str(tmp_path), *options)

    for done in (validated, compared):
        assert "models/iris.yaml was edited after it was rendered" in done.err
    assert (validated.status, compared.status) == (0, 1)
    assert "-      weight: 2000" in compared.out


def test_strict_fails_for_what_a_target_cannot_do_and_writes_nothing(
    run: Run, tmp_path: Path
) -> None:
    options = ("--target", "gateway-api", "--table", EXPERIMENT, "--out", str(tmp_path / "out"))

    done = run("mesh", "render", *options, "--strict")

    assert done.status == 1
    assert "units that keep their arm in experiment iris-2" in done.err
    assert done.err.splitlines()[-1].endswith("[TARGET_LACKS_FEATURE]")
    assert not (tmp_path / "out").exists()


def test_an_edited_folder_is_not_overwritten(run: Run, tmp_path: Path) -> None:
    options = ("--target", "istio", "--table", EXPERIMENT, "--out", str(tmp_path))
    run("mesh", "render", *options)
    edited = tmp_path / "models" / "iris.yaml"
    edited.write_text(edited.read_text().replace("weight: 1000", "weight: 2000"))

    done = run("mesh", "render", *options)

    assert done.status == 1
    assert "[FILE_EDITED]" in done.err
    assert "weight: 2000" in edited.read_text()
    assert run("mesh", "render", *options, "--force").status == 0
    assert "weight: 2000" not in edited.read_text()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "Expecting value"),
        ("[]", "is no route table"),
        ('{"routes": []}', "key pools is missing"),
        ('{"routes": [{"model": "iris"}], "pools": []}', "key split is missing"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_a_line(
    run: Run, tmp_path: Path, content: str, problem: str
) -> None:
    file = tmp_path / "table.json"
    file.write_text(content)

    done = run("mesh", "render", "--target", "istio", "--table", str(file))

    assert done.status == 1
    assert problem in done.err
    assert done.err.strip().endswith("[TABLE_FILE_INVALID]")
    assert done.err.count("\n") == 1


def test_weights_that_do_not_cover_the_buckets_are_refused(run: Run, tmp_path: Path) -> None:
    table = json.loads(Path(EXPERIMENT).read_text())
    table["routes"][0]["split"]["segments"][-1][1] = 9_999
    file = tmp_path / "table.json"
    file.write_text(json.dumps(table))

    done = run("mesh", "render", "--target", "envoy", "--table", str(file))

    assert "segments must cover [0, 10000)" in done.err


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (("cluster: pool/default/grpc", "cluster: pool/other/grpc"), "unknown cluster"),
        (("use_hash_policy", "use_hash_polici"), "use_hash_polici"),
        (("eds/pool.default.http.yaml", "eds/no.such.yaml"), "is named and not there"),
    ],
)
def test_validate_reads_the_files_that_envoy_would_follow(
    run: Run, tmp_path: Path, broken: tuple[str, str], problem: str
) -> None:
    run(
        *("mesh", "render", "--target", "envoy", "--dynamic"),
        *("--table", EXPERIMENT, "--out", str(tmp_path)),
    )
    for file in tmp_path.glob("*.yaml"):
        file.write_text(file.read_text().replace(*broken))

    done = run("mesh", "validate", str(tmp_path))

    assert done.status == 1
    assert problem in done.err
    assert done.err.splitlines()[-1].endswith("[RENDERING_INVALID]")


def test_validate_names_what_is_wrong_with_objects(run: Run, tmp_path: Path) -> None:
    run("mesh", "render", "--target", "istio", "--table", EXPERIMENT, "--out", str(tmp_path))
    file = tmp_path / "models" / "iris.yaml"
    file.write_text(file.read_text().replace("weight: 1000", "weight: -1"))

    done = run("mesh", "validate", str(tmp_path))

    assert done.status == 1
    assert "VirtualService iris: route iris.experiment-grpc: a weight is negative" in done.err


def test_files_that_are_followed_need_a_folder(run: Run) -> None:
    done = run("mesh", "render", "--target", "envoy", "--dynamic", "--table", EXPERIMENT)

    assert done.status == 2
    assert "--out" in done.err


class TestTheRunningSystem:
    @pytest.fixture
    def pushed(self, connected: Run, onnx: str) -> Run:
        connected("model", "push", onnx, "--name", "iris")
        connected("model", "push", onnx, "--name", "digits")
        return connected

    def test_an_exported_table_is_rendered_as_the_served_one_is(
        self, pushed: Run, tmp_path: Path
    ) -> None:
        file, folder = tmp_path / "table.json", tmp_path / "istio"

        assert pushed("route", "export", "--out", str(file)).status == 0
        options = ("--target", "istio", "--out", str(folder))
        assert pushed("mesh", "render", *options, "--table", str(file)).status == 0

        assert pushed("mesh", "diff", str(folder), "--target", "istio").status == 0
        assert (folder / "models" / "digits.yaml").exists()

    def test_some_models_are_exported_alone(self, pushed: Run) -> None:
        exported = json.loads(pushed("route", "export", "iris").out)

        assert [route["model"] for route in exported["routes"]] == ["iris"]
        assert pushed("route", "export", "iris", "-o", "yaml").out.startswith("routes:\n")
