"""What no target on Kubernetes does, for it routes by headers and to Services."""

from __future__ import annotations

from collections.abc import Iterator

from mesh import fallback, table
from mesh.targets.rendering import Limitation


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
                    what=f"the champion's help where arm {arm} fails",
                    so="what the arm fails, the client is told",
                )
    if split.experiment:
        yield Limitation(
            model=route.model,
            what=f"delivery of exposures of {split.label}",
            so="the gateway logs them; nothing ships them to the experiment service",
        )
