"""Files that an Envoy follows, changed without a moment in which they disagree.

Envoy watches each file apart and reads them in no order that we could rely on.
A route to a cluster that it does not know yet is refused, and not looked at
again before the file changes again; a cluster that goes before its routes takes
their requests with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from cli.rendering import folder as folders
from mesh.targets import envoy, text
from mesh.targets.rendering import Rendering


def write(folder: Path, rendering: Rendering, *, force: bool, settle: Callable[[], None]) -> None:
    """Makes `folder` hold `rendering`: clusters, then routes, then no more clusters than needed.

    Args:
        folder: may hold an earlier rendering.
        rendering: of `envoy.files`.
        force: whether to replace what somebody has edited.
        settle: returns when an Envoy has had time to read what was written.

    Raises:
        FailedPrecondition: FILE_EDITED, before anything is written.
    """
    files = text.texts(rendering)
    folders.check_unedited(folder, files, force=force)
    present = folders.read(folder)
    followed = envoy.SCOPES in present
    routes_change = followed and present[envoy.SCOPES] != files[envoy.SCOPES]
    both = {**files, **_clusters_joined(rendering, present.get(envoy.CLUSTERS, ""))}
    first = {path: content for path, content in both.items() if path not in _ROUTES}
    # A flip between clusters that are there and stay, as a kill is, waits for nothing.
    comes = any(present.get(path) != content for path, content in first.items())
    goes = both[envoy.CLUSTERS] != files[envoy.CLUSTERS] or not present.keys() <= files.keys()
    folders.put(folder, first)
    if routes_change and comes:
        settle()
    folders.put(folder, {path: files[path] for path in _ROUTES})
    if (routes_change and comes) or (followed and goes):
        settle()
        # Shown again to an Envoy that was too slow to know their clusters.
        folders.write_whole(folder / envoy.SCOPES, files[envoy.SCOPES])
    folders.put(folder, files)
    folders.prune(folder, files)


_ROUTES = (envoy.SCOPES, envoy.FILES)


def _clusters_joined(rendering: Rendering, before: str) -> dict[str, str]:
    """The file of clusters, joined by those that were there before; none if all stay."""
    [response] = rendering.files[envoy.CLUSTERS]
    known = {cluster["name"] for cluster in response["resources"]}
    kept = [cluster for cluster in _clusters(before) if cluster["name"] not in known]
    if not kept:
        return {}
    joined = {
        **response,
        "resources": [*response["resources"], *kept],
        "version_info": f"{response['version_info']}+{len(kept)}",
    }
    return text.texts(replace(rendering, files={envoy.CLUSTERS: [joined]}))


def _clusters(content: str) -> list[dict[str, Any]]:
    """Clusters of a file; none where it is not what we write."""
    try:
        response = yaml.load(content, text.LOADER)  # noqa: S506 - a safe one
    except yaml.YAMLError:
        return []
    found = response.get("resources") if isinstance(response, dict) else None
    return [c for c in found or [] if isinstance(c, dict) and "name" in c]
