"""What rendering gives: objects by file, and what they cannot say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from algolink import split
from algolink.errors import FailedPrecondition
from mesh import table

ROUTE_KEYS = frozenset(
    {
        *("model", "pool", "champion", "versions", "split", "killed", "shadow", "audiences"),
        *("overrides", "holdout", "handling", "rules_revision"),
    }
)
"""Keys of a route's JSON that every target knows, or need not know."""

PART_KEYS = {
    "audiences": frozenset({"name", "conditions", "version"}),
    "shadow": frozenset({"version", "share_bp"}),
    "holdout": frozenset({"layer", "share_bp"}),
    "handling": frozenset({"timeout_ms", "attempt_timeout_ms", "retries", "limits"}),
}
"""Keys of parts of a route that every target knows."""

SPLIT_KEYS = frozenset(
    {
        *("experiment", "phase", "salt", "per_request", "segments"),
        *("versions", "control", "experiment_revision", "fallback"),
    }
)
"""Keys of a split's JSON that every target knows."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Limitation:
    """Something that a table says and a target does not do.

    Attributes:
        model: the model that it is about; empty if it is about all of them.
        what: what is missing, in a few words.
        so: what happens instead, in one sentence.
    """

    model: str
    what: str
    so: str

    def __str__(self) -> str:
        return f"{self.model or 'all models'}: {self.what}: {self.so}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """One table for one target.

    Attributes:
        target: its name.
        revision: of the table.
        files: objects, JSON values, by relative path of the file that holds them, in
            the order in which they are to be written. What is about one model alone
            is in `model_file(model)`, or in `models_file`.
        limitations: sorted; empty if the target does all that the table says.
        notes: what whoever applies it must know or do, one sentence each.
        models_file: the file that holds what is about models, all of them; empty if
            each has its own.
    """

    target: str
    revision: str
    files: Mapping[str, Sequence[dict[str, Any]]]
    limitations: tuple[Limitation, ...] = ()
    notes: tuple[str, ...] = ()
    models_file: str = ""


def model_file(model: str) -> str:
    """Path of the file that holds what is about one model alone.

    >>> model_file("iris")
    'models/iris.yaml'
    """
    return f"models/{model}.yaml"


def refuse_unknown(target: str, route: table.ModelRoute) -> None:
    """Refuses a route that says something that a target was not written for.

    What may be left out (a mirror) and what must not (a version that is killed)
    look alike to a target that knows neither.

    Raises:
        FailedPrecondition: TARGET_LACKS_FEATURE.
    """
    unknown = sorted(_unknown(route))
    if unknown:
        raise FailedPrecondition(
            "TARGET_LACKS_FEATURE",
            f"the route of {route.model} says {', '.join(unknown)}, which {target} cannot be told: "
            "render it for envoy, or take it out of the table",
            model=route.model,
            target=target,
            features=", ".join(unknown),
        )


def _unknown(route: table.ModelRoute) -> Iterator[str]:
    """Keys that `route` sets to something other than a plain route has."""
    said, plain = table.route_to_json(route), table.route_to_json(_plain(route))
    for key in said.keys() - ROUTE_KEYS:
        if said[key] != plain.get(key):
            yield key
    for part, known in PART_KEYS.items():
        held = said.get(part) or []
        for each in held if isinstance(held, list) else [held]:
            yield from (f"{part}.{key}" for key in each.keys() - known)
    if route.split is not None:
        for key in said["split"].keys() - SPLIT_KEYS:
            if said["split"][key] != plain["split"].get(key):
                yield f"split.{key}"


def _plain(route: table.ModelRoute) -> table.ModelRoute:
    """A route of the same model that sets nothing but what it must."""
    return table.ModelRoute(
        model=route.model,
        pool=route.pool,
        champion=route.champion,
        versions=(route.champion,),
        split=table.Split(
            experiment="plain",
            phase=1,
            salt="plain",
            per_request=False,
            table=split.allocate({"control": split.BUCKETS}),
            versions={"control": route.champion},
            control="control",
            experiment_revision=1,
        ),
    )
