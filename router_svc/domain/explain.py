"""Where a request goes, and why: the rules that Envoy applies, in words."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
        arm: id of the arm; empty outside an experiment or shift.
        bucket: of the unit; `None` if no hash was taken.
        rules: in the order in which they were asked.
    """

    version: int
    rules: tuple[Rule, ...]
    split: Split | None = None
    arm: str = ""
    bucket: int | None = None


def explain(route: ModelRoute, *, unit: str, version: int, frozen: bool = False) -> Explanation:
    """Where a request with this unit and version goes.

    Args:
        unit: value of the unit's header; empty for none. Where each request is
            its own unit, a request id.
        version: that the request names; 0 for none.
        frozen: whether the route stays as it is; that changes no answer.
    """
    freeze = Rule("freeze", False, _FROZEN if frozen else "the traffic is not frozen")
    if version in route.killed:
        why = f"the request names version {version}, which is killed: FAILED_PRECONDITION"
        return Explanation(version=0, rules=(Rule("kill", True, why), freeze))
    below = _explicit(route, version) if version else _routed(route, unit)
    killed = below.split.versions[below.arm] if below.split and below.arm else 0
    if killed in route.killed:
        why = (
            f"version {killed} of arm {below.arm} is killed: "
            f"the champion, version {route.champion}, answers"
        )
        rules = tuple(replace(rule, decided=False) for rule in below.rules)
        return replace(
            below, version=route.champion, rules=(Rule("kill", True, why), freeze, *rules)
        )
    return replace(below, rules=(Rule("kill", False, _why_not_killed(route)), freeze, *below.rules))


_FROZEN = "the traffic is frozen: what follows stays as it was then"


def _why_not_killed(route: ModelRoute) -> str:
    if not route.killed:
        return f"no version of {route.model} is killed"
    numbers = ", ".join(map(str, route.killed))
    return f"killed: {numbers}; the request would go to none of them"


def _routed(route: ModelRoute, unit: str) -> Explanation:
    """Where a request without a version goes if nothing is killed."""
    asked: tuple[Rule, ...] = (Rule("explicit-version", False, "the request names no version"),)
    split = route.split
    if split is None or not split.experiment:
        asked += (Rule("experiment", False, f"no experiment splits {route.model}"),)
    if split is None:
        return _champion(route, (*asked, Rule("shift", False, f"{route.model} is not shifted")))
    rule = "experiment" if split.experiment else "shift"
    if not unit and split.per_request:
        return Explanation(version=0, split=split, rules=(*asked, Rule(rule, True, _PER_REQUEST)))
    if not names.is_unit(unit):
        return _champion(route, (*asked, Rule(rule, False, _why_no_unit(unit))))
    return _assigned(split, unit, rule, asked)


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


def _assigned(routed: Split, unit: str, rule: str, asked: tuple[Rule, ...]) -> Explanation:
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
        rules=(*asked, Rule(rule, True, why)),
    )
