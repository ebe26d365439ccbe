"""Where a request goes, and why: the rules that Envoy applies, in words."""

from __future__ import annotations

from dataclasses import dataclass

from algolink import names, split
from mesh.table import ModelRoute, Split


@dataclass(frozen=True, slots=True)
class Rule:
    """What one rule said.

    Attributes:
        decided: whether the request goes where this rule says.
    """

    name: str
    decided: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Where a request goes.

    Attributes:
        version: the one that answers; 0 if the request is refused, or if what
            decides is not known before the request is made.
        split: the split that decided, if one did.
        arm: id of the arm; empty outside an experiment.
        bucket: of the unit; `None` if no hash was taken.
        rules: in the order in which they were asked.
    """

    version: int
    rules: tuple[Rule, ...]
    split: Split | None = None
    arm: str = ""
    bucket: int | None = None


def explain(route: ModelRoute, *, unit: str, version: int) -> Explanation:
    """Where a request with this unit and version goes.

    Args:
        unit: value of the unit's header; empty for none. Where each request is
            its own unit, a request id.
        version: that the request names; 0 for none.
    """
    if version:
        return _explicit(route, version)
    explicit = Rule("explicit-version", False, "the request names no version")
    if route.split is None:
        experiment = Rule("experiment", False, f"no experiment splits {route.model}")
        return _champion(route, (explicit, experiment))
    if not unit and route.split.per_request:
        return Explanation(
            version=0,
            split=route.split,
            rules=(explicit, Rule("experiment", True, _PER_REQUEST)),
        )
    if not names.is_unit(unit):
        return _champion(route, (explicit, Rule("experiment", False, _why_no_unit(unit))))
    return _assigned(route.split, unit, explicit)


_PER_REQUEST = (
    "every request is its own unit: its bucket is known once its request id is; "
    "give a request id as the unit to see where it goes"
)


def _explicit(route: ModelRoute, version: int) -> Explanation:
    if version in route.versions:
        why = f"the request names version {version}, which is served"
        return Explanation(version=version, rules=(Rule("explicit-version", True, why),))
    served = ", ".join(str(number) for number in route.versions)
    why = f"the request names version {version}, which is not served: NOT_FOUND (served: {served})"
    return Explanation(version=0, rules=(Rule("explicit-version", True, why),))


def _champion(route: ModelRoute, asked: tuple[Rule, ...]) -> Explanation:
    champion = Rule("champion", True, f"version {route.champion} is the champion")
    return Explanation(version=route.champion, rules=(*asked, champion))


def _why_no_unit(unit: str) -> str:
    if not unit:
        return f"the request has no {names.UNIT_HEADER}: it is in no arm"
    return (
        f"{names.shown(unit)} is not a unit (it must match {names.UNIT_PATTERN}): "
        "the request is in no arm"
    )


def _assigned(routed: Split, unit: str, explicit: Rule) -> Explanation:
    bucket = split.bucket(routed.salt, unit)
    segment = routed.table.segment_of(bucket)
    number = routed.versions[segment.arm]
    why = (
        f"xxh64({routed.salt}:{unit}) mod {split.BUCKETS} is bucket {bucket}, in "
        f"[{segment.start}, {segment.end}) of arm {segment.arm}: version {number}"
    )
    return Explanation(
        version=number,
        split=routed,
        arm=segment.arm,
        bucket=bucket,
        rules=(explicit, Rule("experiment", True, why)),
    )
