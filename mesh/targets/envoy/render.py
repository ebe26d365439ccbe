"""Envoy's configuration of a snapshot, made of the resources that the router pushes.

What is routed where is decided in `mesh.resources` alone: here the same
resources are only moved into a bootstrap, or into files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from google.protobuf import any_pb2

from mesh import bootstrap, listeners, resources, table
from mesh.targets.envoy.endpoints import hosted, known_by_name
from mesh.targets.envoy.parameters import EnvoyParameters
from mesh.targets.plain import plain
from mesh.targets.rendering import Limitation, Rendering

STATIC = "envoy.yaml"
"""The one file of a static bootstrap."""

FILES = "bootstrap.yaml"
"""The file to start an Envoy with that follows the others."""

CLUSTERS, SCOPES = "cds.yaml", "srds.yaml"
ENDPOINTS_FOLDER = "eds"

WATCHED_FOLDERS = 100
"""Envoy takes an inotify instance for each file of endpoints, of which Linux gives a user 128."""

_REMEMBERED = 20_000
"""Resources whose values are kept: few differ from those of the table before."""

Json = dict[str, Any]


def static(snapshot: table.Snapshot, parameters: EnvoyParameters) -> Rendering:
    """One bootstrap that holds everything.

    Raises:
        ValueError: if the resources of the snapshot are inconsistent.
    """
    built = _built(snapshot)
    endpoints = _bodies(built, resources.EDS)
    clusters = [
        hosted(cluster, endpoints) for _, cluster in sorted(_bodies(built, resources.CDS).items())
    ]
    config = _bootstrap(
        parameters,
        routes={
            "scoped_route_configurations_list": {"scoped_route_configurations": _scopes(built)}
        },
        static_clusters=clusters,
    )
    return Rendering(
        target="envoy",
        revision=snapshot.revision,
        files={STATIC: [config]},
        limitations=tuple(_limitations(snapshot)),
        models_file=STATIC,
        notes=(f"Start Envoy with `envoy -c {STATIC}`.",),
    )


def files(snapshot: table.Snapshot, parameters: EnvoyParameters) -> Rendering:
    """A bootstrap that does not change, and the files that it follows.

    A route's configuration lies within its scope, for Envoy
    takes only one route configuration from a file.

    Raises:
        ValueError: if the resources of the snapshot are inconsistent.
    """
    built = _built(snapshot)
    endpoints = _bodies(built, resources.EDS)
    clusters, rendered = [], {}
    for name, cluster in sorted(_bodies(built, resources.CDS).items()):
        service = cluster.get("eds_cluster_config", {}).get("service_name") or name
        if cluster.get("type") != "EDS" or known_by_name(endpoints.get(service, {})):
            clusters.append(hosted(cluster, endpoints))
            continue
        file = f"{ENDPOINTS_FOLDER}/{service.replace('/', '.')}.yaml"
        source = _followed(parameters, file)
        cluster["eds_cluster_config"]["eds_config"] = source
        clusters.append(cluster)
        rendered[file] = [_response([_typed(resources.EDS, endpoints[service])])]
    rendered[CLUSTERS] = [_response([_typed(resources.CDS, c) for c in clusters])]
    rendered[SCOPES] = [_response([_typed(resources.SRDS, scope) for scope in _scopes(built)])]
    rendered[FILES] = [
        _bootstrap(
            parameters,
            routes={"scoped_rds": {"scoped_rds_config_source": _followed(parameters, SCOPES)}},
            dynamic={"cds_config": _followed(parameters, CLUSTERS)},
        )
    ]
    where = parameters.folder or "this folder"
    return Rendering(
        target="envoy-files",
        revision=snapshot.revision,
        files=rendered,
        limitations=(*_limitations(snapshot), *_too_many(rendered)),
        models_file=SCOPES,
        notes=(
            f"Start Envoy in {where} with `envoy -c {FILES} --reject-unknown-dynamic-fields`.",
            "Replace files by renaming others over them: Envoy does not see a write in place.",
        ),
    )


def _limitations(snapshot: table.Snapshot) -> Iterator[Limitation]:
    """All that the table says is done; what a mesh agent would do beside is not."""
    for model, route in sorted(snapshot.routes.items()):
        if route.split is not None and route.split.experiment:
            yield Limitation(
                model=model,
                what=f"delivery of exposures of {route.split.label}",
                so="this Envoy logs them; nothing ships them to the experiment service",
            )


def _too_many(rendered: Mapping[str, list[Json]]) -> Iterator[Limitation]:
    """Files of endpoints that Envoy cannot watch unless the system lets it."""
    watched = sum(file.startswith(f"{ENDPOINTS_FOLDER}/") for file in rendered)
    if watched > WATCHED_FOLDERS:
        yield Limitation(
            model="",
            what=f"{watched} files of endpoints on a system as it comes",
            so="this Envoy ends at its start unless fs.inotify.max_user_instances is over "
            f"{watched + 10}",
        )


def _built(snapshot: table.Snapshot) -> resources.Resources:
    built = resources.build(snapshot)
    resources.check(built)
    return built


def _bootstrap(
    parameters: EnvoyParameters,
    *,
    routes: Json,
    static_clusters: list[Json] | None = None,
    dynamic: Json | None = None,
) -> Json:
    listener = listeners.data_listener(parameters.listen, parameters.exposure_log_path, routes)
    return {
        "node": {"id": "algolink", "cluster": "algolink"},
        "admin": {"address": {"pipe": {"path": parameters.admin_socket_path, "mode": 0o600}}},
        **({"dynamic_resources": dynamic} if dynamic else {}),
        "static_resources": {
            "listeners": [listener],
            **({"clusters": static_clusters} if static_clusters else {}),
        },
        **bootstrap.process_limits(),
    }


def _scopes(built: resources.Resources) -> list[Json]:
    """Scopes that hold the route configurations that they name."""
    configurations = _bodies(built, resources.RDS)
    return [
        {
            "name": name,
            "key": scope["key"],
            "route_configuration": configurations[scope["route_configuration_name"]],
        }
        for name, scope in sorted(_bodies(built, resources.SRDS).items())
    ]


def _followed(parameters: EnvoyParameters, file: str) -> Json:
    folder = file.rpartition("/")[0]
    return {
        "path_config_source": {
            "path": parameters.path(file),
            "watched_directory": {"path": parameters.path(folder) if folder else _here(parameters)},
        },
        "resource_api_version": "V3",
    }


def _here(parameters: EnvoyParameters) -> str:
    return parameters.folder or "."


def _response(named: list[Json]) -> Json:
    """A file of resources, whose version changes with them alone."""
    content = json.dumps(named, sort_keys=True).encode()
    return {"version_info": hashlib.sha256(content).hexdigest()[:16], "resources": named}


def _typed(type_url: str, body: Json) -> Json:
    return {"@type": type_url, **body}


def _bodies(built: resources.Resources, type_url: str) -> dict[str, Json]:
    return dict(_unpacked(built, type_url))


def _unpacked(built: resources.Resources, type_url: str) -> Iterator[tuple[str, Json]]:
    for name, resource in built.by_type[type_url].items():
        yield name, json.loads(_values(resource.body.type_url, resource.body.value))


@lru_cache(maxsize=_REMEMBERED)
def _values(type_url: str, packed: bytes) -> str:
    values = plain(any_pb2.Any(type_url=type_url, value=packed))
    values.pop("@type")
    return json.dumps(values)
