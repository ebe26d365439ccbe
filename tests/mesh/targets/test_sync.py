"""`algolink mesh sync` keeps a folder as the router says, and never empties it by mistake."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.rendering import folder, keeping
from mesh import table
from mesh.targets import envoy, text
from tests.cli.conftest import Done, Run
from tests.cli.conftest import run as run
from tests.mesh import builders
from tests.mesh.targets.tables import EXAMPLES
from tests.mesh.targets.tellers import Teller

EXPERIMENT = EXAMPLES["experiment-90-10"]


@pytest.fixture
def teller() -> Teller:
    return Teller(EXPERIMENT)


@pytest.fixture
def address(teller: Teller) -> Iterator[str]:
    with teller.serving() as port:
        yield f"127.0.0.1:{port}"


@pytest.fixture
def synced(run: Run, address: str, tmp_path: Path) -> Run:
    """Runs `mesh sync --once` on a folder that is empty at first."""

    def once(*options: str) -> Done:
        return run(
            *("mesh", "sync", "--once", "--out", str(tmp_path), "--settle-s", "0"),
            *("--endpoint", address, *options),
        )

    return once


def rendered(snapshot: table.Snapshot) -> dict[str, str]:
    return dict(sorted(text.texts(envoy.files(snapshot, envoy.EnvoyParameters())).items()))


def test_the_folder_is_what_render_would_write(synced: Run, tmp_path: Path) -> None:
    done = synced()

    assert done.status == 0
    assert f"written: table {EXPERIMENT.revision}, 1 models: bootstrap.yaml, cds.yaml" in done.out
    assert folder.read(tmp_path) == rendered(EXPERIMENT)


def test_what_is_as_it_should_be_is_not_written_again(synced: Run, tmp_path: Path) -> None:
    synced()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.yaml")}

    done = synced("-o", "json")

    assert json.loads(done.out)["event"] == "unchanged"
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.yaml")} == before


EMPTY = table.Snapshot()
WITHOUT_REPLICAS = table.Snapshot(
    routes=EXPERIMENT.routes, pools={"default": table.Pool(name="default")}
)


@pytest.mark.parametrize(
    ("told", "settling", "why"),
    [
        (EMPTY, False, "the table has no models, and"),
        (WITHOUT_REPLICAS, False, "no replica of pool default is there"),
        (builders.a_snapshot(builders.a_route()), True, "has not heard of iris yet"),
    ],
)
def test_a_table_that_lost_something_is_not_written(
    synced: Run, teller: Teller, tmp_path: Path, told: table.Snapshot, settling: bool, why: str
) -> None:
    synced()
    teller.tell(told, settling=settling)

    done = synced()

    assert done.status == 1
    assert why in done.err
    assert done.err.strip().endswith("[TABLE_LOST_SOMETHING]")
    assert folder.read(tmp_path) == rendered(EXPERIMENT)
    assert synced("--allow-empty").status == 0
    assert folder.read(tmp_path) == rendered(told)


def test_a_model_that_is_gone_goes_once_the_router_has_settled(
    synced: Run, teller: Teller, tmp_path: Path
) -> None:
    synced()
    other = builders.a_snapshot(builders.a_route())
    teller.tell(other, settling=False)

    assert synced().status == 0
    assert folder.read(tmp_path) == rendered(other)


def test_models_whose_ids_are_words_of_yaml_are_missed_too(tmp_path: Path) -> None:
    held = builders.a_snapshot(builders.a_route("null"), builders.a_route("iris"))
    folder.write(tmp_path, rendered(held), force=False)

    why = keeping.why_not(tmp_path, builders.a_snapshot(builders.a_route("iris")), settling=True)

    assert why == "the router has just started, and has not heard of null yet"


def test_an_edited_file_is_left_alone_unless_forced(
    synced: Run, teller: Teller, tmp_path: Path
) -> None:
    synced()
    edited = tmp_path / envoy.CLUSTERS
    edited.write_text(edited.read_text().replace("LEAST_REQUEST", "RANDOM"))
    teller.tell(EXAMPLES["champion-only"])

    done = synced()

    assert done.status == 1
    assert "[FILE_EDITED]" in done.err
    assert "RANDOM" in edited.read_text()
    assert synced("--force").status == 0
    assert folder.read(tmp_path) == rendered(EXAMPLES["champion-only"])


def test_a_folder_has_one_writer(synced: Run, tmp_path: Path) -> None:
    with keeping.locked(tmp_path):
        done = synced()

    assert done.status == 1
    assert "[FOLDER_IN_USE]" in done.err
    assert synced().status == 0
