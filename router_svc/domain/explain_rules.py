"""What overrides, audiences and the holdout of a route say about one request, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from algolink import audience, names, split
from mesh.table import Audience, ModelRoute

Attributes = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Found:
    """What one condition said.

    Attributes:
        condition: in words.
        holds: whether it does.
        found: what the request sends, in words.
    """

    condition: str
    holds: bool
    found: str


@dataclass(frozen=True, slots=True)
class Rule:
    """What one rule said.

    Attributes:
        decided: whether the request goes where this rule says.
        conditions: of an audience.
    """

    name: str
    decided: bool
    why: str
    conditions: tuple[Found, ...] = ()


def select(route: ModelRoute, unit: str, attributes: Attributes) -> tuple[int | None, list[Rule]]:
    """The version that an override or an audience chooses, if one does, and what was asked."""
    chosen, overridden = _override(route, unit)
    if chosen is not None:
        return chosen, [overridden]
    asked = [overridden]
    if not route.audiences:
        asked.append(Rule("audience", False, f"{route.model} has no audiences"))
    for number, each in enumerate(route.audiences, start=1):
        rule = _audience(number, each, attributes)
        asked.append(rule)
        if all(found.holds for found in rule.conditions):
            return each.version, asked
    return None, asked


def hold_out(route: ModelRoute, unit: str) -> tuple[int | None, Rule]:
    """The unit's bucket in the holdout's layer, if there is one, and what that means."""
    holdout = route.holdout
    if holdout is None:
        return None, Rule("holdout", False, f"no unit of {route.model} is held out")
    if not names.is_unit(unit):
        return None, Rule("holdout", False, f"{why_no_unit(unit)}: it is not held out")
    bucket = split.bucket(holdout.layer, unit)
    hashed = f"xxh64({holdout.layer}:{unit}) mod {split.BUCKETS} is bucket {bucket}"
    if not split.is_held_out(holdout.layer, unit, holdout.share_bp):
        return bucket, Rule("holdout", False, f"{hashed}, not below {holdout.share_bp}")
    why = f"{hashed}, below {holdout.share_bp}: held out of every split, so the champion answers"
    if route.split is None:
        # Nothing would have split the traffic, so it is not what decides.
        return bucket, Rule("holdout", False, f"{hashed}, below {holdout.share_bp}: held out")
    return bucket, Rule("holdout", True, f"{why} (version {route.champion})")


def why_no_unit(unit: str) -> str:
    """Why what was sent is no unit."""
    if not unit:
        return f"the request has no {names.UNIT_HEADER}"
    return f"{names.shown(unit)} is not a unit (it must match {names.UNIT_PATTERN})"


def _override(route: ModelRoute, unit: str) -> tuple[int | None, Rule]:
    if not route.overrides:
        return None, Rule("override", False, f"no unit of {route.model} is overridden")
    version = route.overrides.get(unit)
    if version is not None:
        return version, Rule("override", True, f"unit {unit} is sent to version {version}")
    if not names.is_unit(unit):
        return None, Rule("override", False, why_no_unit(unit))
    return None, Rule("override", False, f"unit {unit} is not overridden")


def _audience(number: int, each: Audience, attributes: Attributes) -> Rule:
    label = f"audience {number}" + (f" ({each.name})" if each.name else "")
    found = tuple(_found(condition, attributes) for condition in each.conditions)
    failed = next((one for one in found if not one.holds), None)
    if failed is not None:
        why = f"{label}: {failed.condition} does not hold, for {failed.found}"
        return Rule("audience", False, why, found)
    if each.version is None:
        why = f"{label}: all its conditions hold: no further audience is asked"
        return Rule("audience", False, why, found)
    why = f"{label}: all its conditions hold: version {each.version}"
    return Rule("audience", True, why, found)


def _found(condition: audience.Condition, attributes: Attributes) -> Found:
    values = attributes.get(condition.attribute, ())
    if not values:
        found = f"{condition.attribute} is not sent"
    elif len(values) > 1:
        found = f"{condition.attribute} is sent {len(values)} times"
    elif audience.usable(values) is None:
        found = (
            f"{condition.attribute} is not 1 to {audience.MAX_VALUE_LENGTH} printable ASCII "
            "characters"
        )
    else:
        found = f"{condition.attribute} is {names.shown(values[0])}"
    return Found(audience.in_words(condition), condition.holds(attributes), found)
