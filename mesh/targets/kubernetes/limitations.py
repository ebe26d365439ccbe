"""What no target on Kubernetes does, for it routes by headers and to Services."""

from __future__ import annotations

from collections.abc import Iterator

from mesh import attempts, fallback, table
from mesh.targets.rendering import Limitation


def without_foreign(snapshot: table.Snapshot) -> table.Snapshot:
    """`snapshot` without models of servers that read no version from a header."""
    pools = {name: pool for name, pool in snapshot.pools.items() if not pool.foreign}
    routes = {model: route for model, route in snapshot.routes.items() if route.pool in pools}
    return table.Snapshot(routes=routes, pools=pools)


def of_foreign(snapshot: table.Snapshot) -> Iterator[Limitation]:
    """The models that `without_foreign` leaves out."""
    for model, route in snapshot.routes.items():
        if snapshot.pools[route.pool].foreign:
            yield Limitation(
                model=model,
                what=f"a version for servers of pool {route.pool}, which read it from the message",
                so="the model is left out: no header says to them which version to run",
            )


def of_headers_alone(route: table.ModelRoute) -> Iterator[Limitation]:
    """What would need the message to be read."""
    for version in route.killed:
        yield Limitation(
            model=route.model,
            what=f"refusal of gRPC messages that name version {version}, which is killed",
            so="it is not read, and the route decides as if none was named",
        )
    if len(route.versions) > 1:
        yield Limitation(
            model=route.model,
            what="a version named in a gRPC message",
            so="it is not read, and the route decides as if none was named; REST's path is read",
        )


def of_rules(route: table.ModelRoute) -> Iterator[Limitation]:
    """What versions that rules name, and each arm, have at our own Envoy."""
    for version in sorted(route.selected() - {route.champion} - set(route.killed)):
        yield Limitation(
            model=route.model,
            what=f"breakers of version {version}'s own, which rules send requests to",
            so="it shares the limits of its pool with the champion, for no Service is ever made "
            "for a version",
        )
    limits = route.handling.limits
    if limits != attempts.Limits():
        yield Limitation(
            model=route.model,
            what=f"limits of {limits.requests} requests under way and {limits.pending} waiting",
            so="versions that are not the champion have the limits of their pool alone",
        )


def _helper(route: table.ModelRoute, split: table.Split) -> str:
    version = fallback.answers(route, split)
    return "the champion's" if version == route.champion else f"version {version}'s"


def of_splits(route: table.ModelRoute, split: table.Split) -> Iterator[Limitation]:
    """What an experiment has at our own Envoy."""
    for arm in sorted(split.versions):
        if arm != split.control:
            yield Limitation(
                model=route.model,
                what=f"breakers of arm {arm}'s own",
                so="it shares the limits of its pool with the champion, for no Service is ever "
                "made for a version",
            )
            if fallback.applies(route, split, arm):
                yield Limitation(
                    model=route.model,
                    what=f"{_helper(route, split)} help where arm {arm} fails",
                    so="what the arm fails, the client is told",
                )
    if split.experiment:
        yield Limitation(
            model=route.model,
            what=f"delivery of exposures of {split.label}",
            so="the gateway logs them; nothing ships them to the experiment service",
        )
