"""Files that an Envoy follows, put back into one bootstrap.

`envoy --mode validate` does not read the files that a bootstrap names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mesh.targets.envoy.endpoints import hosted

Json = dict[str, Any]


def inlined(bootstrap: Json, files: Mapping[str, Json]) -> Json:
    """`bootstrap` with the resources of `files` in place of their paths.

    Args:
        bootstrap: as `render.files` makes it.
        files: discovery responses, by path relative to the bootstrap's folder.

    Raises:
        ValueError: if a file that is named is not there, or not what it should be.
    """
    try:
        return _inlined(bootstrap, files)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(
            f"the files are not what `mesh render --dynamic` writes: {error}"
        ) from error


def _inlined(bootstrap: Json, files: Mapping[str, Json]) -> Json:
    static = bootstrap["static_resources"]
    clusters = _resources(files, bootstrap["dynamic_resources"]["cds_config"])
    listeners = [_listener(listener, files) for listener in static["listeners"]]
    return {
        **{key: value for key, value in bootstrap.items() if key != "dynamic_resources"},
        "static_resources": {
            **static,
            "listeners": listeners,
            "clusters": [*static.get("clusters", []), *(_cluster(c, files) for c in clusters)],
        },
    }


def _cluster(cluster: Json, files: Mapping[str, Json]) -> Json:
    if cluster.get("type") != "EDS":
        return cluster
    found = _resources(files, cluster["eds_cluster_config"]["eds_config"])
    endpoints = {assignment["cluster_name"]: assignment for assignment in found}
    service = cluster["eds_cluster_config"].get("service_name") or cluster["name"]
    if service not in endpoints:
        raise ValueError(f"the endpoints of {service} are not in the file that it names")
    return hosted(cluster, endpoints)


def _listener(listener: Json, files: Mapping[str, Json]) -> Json:
    [chain] = listener["filter_chains"]
    [manager] = chain["filters"]
    config = manager["typed_config"]
    scoped = dict(config["scoped_routes"])
    source = scoped.pop("scoped_rds")["scoped_rds_config_source"]
    scoped["scoped_route_configurations_list"] = {
        "scoped_route_configurations": _resources(files, source)
    }
    filled = {**manager, "typed_config": {**config, "scoped_routes": scoped}}
    return {**listener, "filter_chains": [{**chain, "filters": [filled]}]}


def _resources(files: Mapping[str, Json], source: Json) -> list[Json]:
    path = str(source["path_config_source"]["path"])
    named = [name for name in files if path == name or path.endswith(f"/{name}")]
    if not named:
        raise ValueError(f"{path} is named and not there")
    # The longest is the one: eds/a.yaml, and not a.yaml.
    found = files[max(named, key=len)]["resources"]
    return [{key: value for key, value in item.items() if key != "@type"} for item in found]
