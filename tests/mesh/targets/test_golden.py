"""What is rendered, file by file, and what judges of such files say of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from cli.rendering import folder, judge
from mesh import table
from mesh.targets import envoy, gateway_api, istio, text
from mesh.targets.kubernetes.parameters import KubernetesParameters
from mesh.targets.kubernetes.problems import problems
from mesh.targets.rendering import Rendering
from tests.mesh.targets.tables import EXAMPLES

GOLDEN = Path(__file__).parent / "golden"
APISERVER = Path(__file__).parents[4] / "shared" / "k8s" / "validate.py"
"""A judge of Kubernetes objects that lies beside some checkouts."""

PLAIN = KubernetesParameters(domain="models.example.org")
SECURED = KubernetesParameters(
    domain="models.example.org", tls_secret="models-tls", backend_ca="replicas-ca"
)
ELSEWHERE = KubernetesParameters(domain="models.example.org", replicas="entries")

KUBERNETES: dict[str, Callable[[table.Snapshot], Rendering]] = {
    "istio": lambda snapshot: istio.render(snapshot, PLAIN),
    "gateway-api": lambda snapshot: gateway_api.render(snapshot, PLAIN),
    "istio-entries": lambda snapshot: istio.render(snapshot, ELSEWHERE),
    "istio-tls": lambda snapshot: istio.render(snapshot, SECURED),
    "gateway-api-tls": lambda snapshot: gateway_api.render(snapshot, SECURED),
}
ENVOY: dict[str, Callable[[table.Snapshot], Rendering]] = {
    "envoy": lambda snapshot: envoy.static(snapshot, envoy.EnvoyParameters()),
    "envoy-files": lambda snapshot: envoy.files(snapshot, envoy.EnvoyParameters()),
}

CASES = [
    *((target, name) for target in ("istio", "gateway-api") for name in EXAMPLES),
    ("istio-entries", "champion-only"),
    ("istio-tls", "champion-only"),
    ("gateway-api-tls", "champion-only"),
    ("envoy", "experiment-90-10"),
    ("envoy-files", "ramped"),
]


@pytest.mark.parametrize(("target", "name"), CASES)
def test_what_is_rendered_is_what_the_golden_folder_holds(target: str, name: str) -> None:
    """Rewrite the folders with UPDATE_GOLDEN=1, and read what has changed."""
    files = text.texts({**KUBERNETES, **ENVOY}[target](EXAMPLES[name]))
    golden = GOLDEN / target / name

    if os.environ.get("UPDATE_GOLDEN"):
        shutil.rmtree(golden, ignore_errors=True)
        folder.write(golden, files, force=True)

    assert folder.read(golden) == dict(sorted(files.items()))


@pytest.mark.parametrize("target", KUBERNETES)
@pytest.mark.parametrize("name", EXAMPLES)
def test_rendered_objects_contradict_nothing(target: str, name: str) -> None:
    rendered = KUBERNETES[target](EXAMPLES[name])

    assert list(problems([value for held in rendered.files.values() for value in held])) == []


@pytest.mark.skipif(not APISERVER.exists(), reason="the judge is not beside this checkout")
@pytest.mark.parametrize("target", KUBERNETES)
def test_an_apiserver_would_take_the_golden_files(target: str) -> None:
    files = [str(GOLDEN / target / path) for path in folder.read(GOLDEN / target)]

    judged = subprocess.run(
        [sys.executable, str(APISERVER), *files], capture_output=True, text=True, check=False
    )

    assert judged.returncode == 0, judged.stdout + judged.stderr


@pytest.mark.e2e
@pytest.mark.parametrize("target", ENVOY)
@pytest.mark.parametrize("name", EXAMPLES)
def test_envoy_takes_what_is_rendered_for_it(target: str, name: str, tmp_path: Path) -> None:
    folder.write(tmp_path, text.texts(ENVOY[target](EXAMPLES[name])), force=False)

    _, found = judge.judge(tmp_path)

    assert found == []


def test_equal_tables_are_rendered_alike_and_as_plain_yaml() -> None:
    for render in (*KUBERNETES.values(), *ENVOY.values()):
        once, again = (text.texts(render(EXAMPLES["ramped"])) for _ in range(2))

        assert once == again
        for content in once.values():
            assert "&id" not in content
            assert text.is_ours(content)
            assert [v for v in yaml.safe_load_all(content) if v is not None]


def test_a_change_of_one_model_changes_its_file_alone() -> None:
    before = EXAMPLES["ramped"]
    moved = table.ModelRoute(model="iris", pool="default", champion=1, versions=(1, 2))
    after = table.Snapshot(routes={**before.routes, "iris": moved}, pools=before.pools)

    for render in KUBERNETES.values():
        old, new = text.texts(render(before)), text.texts(render(after))

        assert [path for path in new if old[path] != new[path]] == ["models/iris.yaml"]
