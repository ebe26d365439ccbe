"""What files of configuration say, thing by thing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from mesh.targets import text
from mesh.targets.difference import Key

Json = dict[str, Any]

_KINDS = {
    "Cluster": "cluster",
    "ClusterLoadAssignment": "endpoints",
    "ScopedRouteConfiguration": "routes",
}


def things(texts: Mapping[str, str]) -> dict[Key, Any]:
    """Objects of Kubernetes, resources of Envoy, and what else lies in files.

    A file that is no YAML, or holds something else, is one thing, as text. So is
    what its head says to people.
    """
    found: dict[Key, Any] = {}
    for path, content in texts.items():
        try:
            documents = [v for v in yaml.load_all(content, text.LOADER) if v is not None]
        except yaml.YAMLError:
            found[Key("file", path)] = content
            continue
        found[Key("head", path)] = text.comment(content)
        for number, document in enumerate(documents):
            for key, value in _things(path, number, document):
                # Two of one name are never the same thing.
                while key in found:
                    key = Key(key.kind, f"{key.name} (again)")
                found[key] = value
    return found


def _things(path: str, number: int, document: Any) -> Iterator[tuple[Key, Any]]:
    if not isinstance(document, dict):
        yield Key("document", f"{path} {number}"), document
    elif "kind" in document and isinstance(document.get("metadata"), dict):
        metadata = document["metadata"]
        name = f"{metadata.get('namespace', '')}/{metadata.get('name')}"
        yield Key(str(document["kind"]), name), document
    elif isinstance(document.get("resources"), list):
        for place, resource in enumerate(document["resources"]):
            yield _resource(path, place, resource)
    elif isinstance(document.get("static_resources"), dict):
        yield from _bootstrap(path, document)
    else:
        yield Key("document", f"{path} {number}"), document


def _resource(path: str, place: int, resource: Any) -> tuple[Key, Any]:
    if not isinstance(resource, dict):
        return Key("resource", f"{path} {place}"), resource
    kind = str(resource.get("@type", "")).rpartition(".")[2]
    name = resource.get("name") or resource.get("cluster_name") or f"{path} {place}"
    return Key(_KINDS.get(kind, kind or "resource"), str(name)), resource


def _bootstrap(path: str, document: Json) -> Iterator[tuple[Key, Any]]:
    """Clusters one by one, and the rest."""
    static = document["static_resources"]
    clusters = static.get("clusters") or []
    for place, cluster in enumerate(clusters):
        name = cluster.get("name") if isinstance(cluster, dict) else None
        yield Key("cluster", str(name or f"{path} {place}")), cluster
    rest = {key: value for key, value in static.items() if key != "clusters"}
    yield Key("bootstrap", path), {**document, "static_resources": rest}
