"""The order in which files that an Envoy follows are changed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from algolink.errors import FailedPrecondition
from cli.rendering import folder, staging
from mesh.targets import envoy, text
from mesh.targets.rendering import Rendering
from tests.mesh import builders
from tests.mesh.targets.tables import EXAMPLES


def rendered(name: str) -> Rendering:
    return envoy.files(EXAMPLES[name], envoy.EnvoyParameters())


def clusters(where: Path) -> set[str]:
    found = yaml.safe_load((where / envoy.CLUSTERS).read_text())["resources"]
    return {cluster["name"] for cluster in found if cluster["name"].startswith("arm/")}


def is_split(where: Path) -> bool:
    return "use_hash_policy" in (where / envoy.SCOPES).read_text()


def test_clusters_come_before_their_routes_and_go_after_them(tmp_path: Path) -> None:
    arm = {"arm/iris-2/challenger/grpc", "arm/iris-2/challenger/http"}
    seen: list[tuple[bool, set[str]]] = []

    def settle() -> None:
        seen.append((is_split(tmp_path), clusters(tmp_path)))

    staging.write(tmp_path, rendered("champion-only"), force=False, settle=settle)
    assert seen == []
    staging.write(tmp_path, rendered("experiment-90-10"), force=False, settle=settle)
    assert seen == [(False, arm), (True, arm)]
    staging.write(tmp_path, rendered("champion-only"), force=False, settle=settle)
    assert seen[2:] == [(True, arm), (False, arm)]

    assert clusters(tmp_path) == set()
    assert folder.read(tmp_path) == dict(sorted(text.texts(rendered("champion-only")).items()))


def test_what_did_not_change_is_not_waited_for(tmp_path: Path) -> None:
    def settle() -> None:
        raise AssertionError("nothing to wait for")

    staging.write(tmp_path, rendered("ramped"), force=False, settle=settle)
    staging.write(tmp_path, rendered("ramped"), force=False, settle=settle)


def test_a_flip_between_clusters_that_stay_waits_for_nothing(tmp_path: Path) -> None:
    def settle() -> None:
        raise AssertionError("nothing to wait for")

    before, after = (
        envoy.files(builders.a_snapshot(builders.a_route(champion=c)), envoy.EnvoyParameters())
        for c in (1, 2)
    )
    staging.write(tmp_path, before, force=False, settle=settle)

    staging.write(tmp_path, after, force=False, settle=settle)

    assert folder.read(tmp_path) == dict(sorted(text.texts(after).items()))


def test_an_edited_file_is_kept_unless_forced(tmp_path: Path) -> None:
    staging.write(tmp_path, rendered("champion-only"), force=False, settle=lambda: None)
    edited = tmp_path / envoy.CLUSTERS
    edited.write_text(edited.read_text().replace("LEAST_REQUEST", "RANDOM"))

    with pytest.raises(FailedPrecondition) as caught:
        staging.write(tmp_path, rendered("ramped"), force=False, settle=lambda: None)

    assert caught.value.reason == "FILE_EDITED"
    assert "RANDOM" in edited.read_text()
    staging.write(tmp_path, rendered("ramped"), force=True, settle=lambda: None)
    assert "RANDOM" not in edited.read_text()
