"""Who is sent where before a split is asked, and who is copied."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from algolink import audience, names
from algolink.split import BUCKETS

LAYER_PATTERN = "[a-z0-9-]{1,80}"

MAX_OVERRIDES = 256
MAX_AUDIENCES = 16

_LAYER = re.compile(LAYER_PATTERN)
_NAME = re.compile("[a-z0-9-]{1,32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Predictions that are routed by their attributes.

    Attributes:
        conditions: all of which must hold; 1 to 16.
        version: where they go; None to be routed as if no audience followed.
        name: for people, 1 to 32 of `a-z0-9-`; may be empty.
    """

    conditions: tuple[audience.Condition, ...]
    version: int | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if not 1 <= len(self.conditions) <= audience.MAX_CONDITIONS:
            raise ValueError(
                f"an audience has 1 to {audience.MAX_CONDITIONS} conditions, "
                f"not {len(self.conditions)}"
            )
        if self.name and _NAME.fullmatch(self.name) is None:
            raise ValueError(
                f"{names.shown(self.name)} is no name of an audience: 1 to 32 of a-z0-9-"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdout:
    """Units that no experiment and no shift ever gets: the champion answers them.

    Attributes:
        layer: salt of their bucket, of its own, so that the same units are held
            out of whatever splits the traffic.
        share_bp: they are the buckets below this, 1 to 10,000: a holdout that grows
            keeps the units that it has.
    """

    layer: str
    share_bp: int

    def __post_init__(self) -> None:
        if _LAYER.fullmatch(self.layer) is None:
            raise ValueError(f"{names.shown(self.layer)} is no layer: 1 to 80 of a-z0-9-")
        if not 1 <= self.share_bp <= BUCKETS:
            raise ValueError(f"a holdout has 1 to {BUCKETS} basis points, not {self.share_bp}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """A version that gets copies of a model's predictions; its answers go nowhere.

    Attributes:
        version: its number.
        share_bp: share of the predictions, in basis points, 1 to 10,000; drawn for
            each request, whatever its unit.
    """

    version: int
    share_bp: int

    def __post_init__(self) -> None:
        if not 1 <= self.share_bp <= BUCKETS:
            raise ValueError(f"a shadow gets 1 to {BUCKETS} basis points, not {self.share_bp}")


def check_overrides(overrides: Mapping[str, int]) -> None:
    """Checks units that are sent to a version each.

    Raises:
        ValueError: if there are too many, or one is no unit.
    """
    if len(overrides) > MAX_OVERRIDES:
        raise ValueError(f"{len(overrides)} units are overridden, over {MAX_OVERRIDES}")
    for unit in overrides:
        if not names.is_unit(unit):
            raise ValueError(f"{names.shown(unit)} is no unit: it must match {names.UNIT_PATTERN}")


def check_audiences(audiences: tuple[Audience, ...]) -> None:
    """Checks rules that are asked one after another.

    Raises:
        ValueError: if there are too many, or two have one name.
    """
    if len(audiences) > MAX_AUDIENCES:
        raise ValueError(f"there are {len(audiences)} audiences, over {MAX_AUDIENCES}")
    named = [each.name for each in audiences if each.name]
    for name in named:
        if named.count(name) > 1:
            raise ValueError(f"two audiences are called {name}")


def audience_to_json(each: Audience) -> dict[str, Any]:
    """JSON values; `audience_from_json` is the inverse."""
    return {
        **({"name": each.name} if each.name else {}),
        "conditions": [audience.to_json(condition) for condition in each.conditions],
        "version": each.version,
    }


def audience_from_json(value: Mapping[str, Any]) -> Audience:
    """What `audience_to_json` wrote."""
    return Audience(
        name=value.get("name", ""),
        conditions=tuple(map(audience.from_json, value["conditions"])),
        version=value["version"],
    )
