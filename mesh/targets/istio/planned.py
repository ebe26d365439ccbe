"""The routes of a model's VirtualService, in their order: the first that matches wins.

As at our own Envoy: a killed version that the path names, the version that it names,
one that is not served, overrides, audiences in order, units that are held out, the
split, the champion.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mesh import forwarding, matchers, names, table
from mesh.forwarding import Call
from mesh.targets.istio.matches import exact, in_audience, of_audiences, with_header
from mesh.targets.kubernetes import assigned, protocol

Json = dict[str, Any]

_CALLS: dict[Call, tuple[str, ...]] = {
    forwarding.STREAM: (protocol.STREAM,),
    forwarding.UNARY: (protocol.INFER, *protocol.INFO, *protocol.SERVER),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A route that leads to replicas.

    Attributes:
        name: unique in the gateway.
        call: how it is forwarded.
        matches: any of which a request must match.
        to: headers of the assignment, or the split that chooses among arms.
        is_copied: whether the shadow gets copies.
        holdout: who is to be looked for before the split is asked; None for nobody.
    """

    name: str
    call: Call
    matches: Sequence[Json]
    to: dict[str, str] | table.Split
    is_copied: bool = False
    holdout: table.Holdout | None = None

    @property
    def is_hashed(self) -> bool:
        """Whether units are told apart; with one segment all go the same way."""
        return (
            isinstance(self.to, table.Split)
            and not self.to.per_request
            and len(self.to.table.segments) > 1
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A route that Envoy answers itself.

    Attributes:
        name: unique in the gateway.
        matches: any of which a request must match.
        status: of HTTP.
        text: what the client is told.
    """

    name: str
    matches: Sequence[Json]
    status: int
    text: str

    @property
    def body(self) -> str:
        """The answer, as a replica's errors are."""
        return json.dumps({"error": self.text})


def planned(route: table.ModelRoute) -> Iterator[Planned | Refused]:
    """Routes of a model, in the order in which they are matched."""
    yield from _named_versions(route)
    for number, (unit, version) in enumerate(matchers.overridden(route.overrides), start=1):
        for call, match in _predictions(route):
            named = with_header(match, unit.name, unit.string_match.safe_regex.regex)
            to = assigned.explicit(route, route.unkilled(version))
            yield _predict(f"{route.model}.override-{number}-{call.name}", route, call, named, to)
    for number, audience in of_audiences(route):
        prefix = f"{route.model}.audience-{number}"
        for call, match in _predictions(route):
            meant = in_audience(match, audience.conditions)
            if meant is None:
                continue
            if audience.version is not None:
                to = assigned.explicit(route, route.unkilled(audience.version))
                yield _predict(f"{prefix}-{call.name}", route, call, meant, to)
                continue
            yield from _split(prefix, route, call, meant)
            to = assigned.champion(route)
            yield _predict(f"{prefix}.champion-{call.name}", route, call, meant, to)
    for call, match in _predictions(route):
        yield from _split(route.model, route, call, match)
        if forwarding.is_shadowed(route, call):
            name = f"{route.model}.champion-predict-{call.name}"
            yield _predict(name, route, call, match, assigned.champion(route))
    for call, matches in _all(route):
        yield Planned(
            name=f"{route.model}.champion-{call.name}",
            call=call,
            matches=matches,
            to=assigned.champion(route),
        )


def _named_versions(route: table.ModelRoute) -> Iterator[Planned | Refused]:
    served = ", ".join(map(str, route.versions))
    ask_for = f"ask for one of {served}, or for none to let the route decide"
    for version in route.killed:
        path = protocol.model_path(route.model, version)
        yield Refused(
            name=f"{route.model}.version-{version}-killed",
            matches=[exact(path), {"uri": {"prefix": f"{path}/"}}],
            status=412,
            text=f"version {version} of model {route.model} is killed: {ask_for}",
        )
    for version in route.versions:
        paths = [
            protocol.infer_path(route.model, version),
            *protocol.info_paths(route.model, version),
        ]
        yield Planned(
            name=f"{route.model}.version-{version}",
            call=forwarding.REST,
            matches=[exact(path) for path in paths],
            to=assigned.explicit(route, version),
        )
    yield Refused(
        name=f"{route.model}.version-not-served",
        matches=[{"uri": {"prefix": f"{protocol.model_path(route.model)}/versions/"}}],
        status=404,
        text=f"model {route.model} has no such version here: {ask_for}",
    )


def _predictions(route: table.ModelRoute) -> Iterator[tuple[Call, Json]]:
    """Only predictions are assigned: asking for metadata exposes nobody to an arm."""
    yield forwarding.STREAM, exact(protocol.method_path(protocol.STREAM))
    yield forwarding.UNARY, exact(protocol.method_path(protocol.INFER))
    yield forwarding.REST, exact(protocol.infer_path(route.model))


def _all(route: table.ModelRoute) -> Iterator[tuple[Call, list[Json]]]:
    for call, methods in _CALLS.items():
        yield call, [exact(protocol.method_path(method)) for method in methods]
    paths = [
        protocol.infer_path(route.model),
        *protocol.info_paths(route.model),
        *protocol.SERVER_PATHS,
    ]
    yield forwarding.REST, [exact(path) for path in paths]


def _predict(
    name: str, route: table.ModelRoute, call: Call, match: Json, to: dict[str, str]
) -> Planned:
    copied = forwarding.is_shadowed(route, call)
    return Planned(name=name, call=call, matches=[match], to=to, is_copied=copied)


def _split(prefix: str, route: table.ModelRoute, call: Call, match: Json) -> Iterator[Planned]:
    """The split; held-out units, which its first choice has marked, go to none of its arms."""
    split = route.split
    if split is None:
        return
    if route.holdout is not None:
        held = with_header(match, names.HELD_HEADER)
        to = assigned.champion(route)
        yield _predict(f"{prefix}.held-{call.name}", route, call, held, to)
    yield Planned(
        name=f"{prefix}.experiment-{call.name}",
        call=call,
        matches=[match if split.per_request else with_header(match, names.UNIT_HEADER)],
        to=split,
        is_copied=forwarding.is_shadowed(route, call),
        holdout=route.holdout,
    )
