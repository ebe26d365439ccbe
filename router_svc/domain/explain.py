"""Where a request goes, and why: the rules that Envoy applies, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from algolink import names, split
from mesh import fallback
from mesh.table import ModelRoute, Shadow, Split
from router_svc.domain import explain_rules
from router_svc.domain.explain_rules import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Where a request goes.

    Attributes:
        version: the one that answers; 0 if the request is refused, or if what
            decides is not known before the request is made.
        split: the split that decided, if one did.
        arm: id of the arm; empty outside an experiment or shift.
        bucket: of the unit; `None` if no hash was taken.
        holdout_bucket: of the unit in the holdout's layer; `None` if none was asked.
        rules: in the order in which they were asked.
        shadow: what may get a copy, if anything.
        fallback: version that answers if this one fails; 0 for none.
    """

    version: int
    rules: tuple[Rule, ...]
    split: Split | None = None
    arm: str = ""
    bucket: int | None = None
    holdout_bucket: int | None = None
    shadow: Shadow | None = None
    fallback: int = 0


def explain(
    route: ModelRoute,
    *,
    unit: str,
    version: int,
    attributes: Mapping[str, Sequence[str]] | None = None,
    frozen: bool = False,
) -> Explanation:
    """Where a prediction with this unit, version and attributes goes.

    Args:
        unit: value of the unit's header; empty for none. Where each request is
            its own unit, a request id does as well.
        version: that the request names; 0 for none.
        attributes: all values of each attribute that is sent, by its name.
        frozen: whether the route stays as it is; that changes no answer.
    """
    freeze = Rule("freeze", False, _FROZEN if frozen else "the traffic is not frozen")
    if version in route.killed:
        why = f"the request names version {version}, which is killed: FAILED_PRECONDITION"
        return Explanation(version=0, rules=(Rule("kill", True, why), freeze))
    if version:
        below = _explicit(route, version)
    else:
        below = _shadowed(route, _routed(route, unit, attributes or {}))
    if below.version in route.killed:
        why = (
            f"version {below.version} of {_chooser(below)} is killed: "
            f"the champion, version {route.champion}, answers"
        )
        rules = tuple(replace(rule, decided=False) for rule in below.rules)
        return replace(
            below, version=route.champion, rules=(Rule("kill", True, why), freeze, *rules)
        )
    return replace(below, rules=(Rule("kill", False, _why_not_killed(route)), freeze, *below.rules))


_FROZEN = "the traffic is frozen: what follows stays as it was then"


def _chooser(explanation: Explanation) -> str:
    if explanation.arm:
        return f"arm {explanation.arm}"
    return next(f"the {rule.name}" for rule in explanation.rules if rule.decided)


def _why_not_killed(route: ModelRoute) -> str:
    if not route.killed:
        return f"no version of {route.model} is killed"
    numbers = ", ".join(map(str, route.killed))
    return f"killed: {numbers}; the request would go to none of them"


def _explicit(route: ModelRoute, version: int) -> Explanation:
    if version in route.versions:
        why = f"the request names version {version}, which is served"
        return Explanation(version=version, rules=(Rule("explicit-version", True, why),))
    served = ", ".join(str(number) for number in route.versions)
    why = f"the request names version {version}, which is not served: NOT_FOUND (served: {served})"
    return Explanation(version=0, rules=(Rule("explicit-version", True, why),))


def _routed(route: ModelRoute, unit: str, attributes: Mapping[str, Sequence[str]]) -> Explanation:
    """Where a request without a version goes if nothing is killed."""
    asked = [Rule("explicit-version", False, "the request names no version")]
    chosen, more = explain_rules.select(route, unit, attributes)
    asked += more
    if chosen is not None:
        return Explanation(version=chosen, rules=tuple(asked))
    bucket, held = explain_rules.hold_out(route, unit)
    asked.append(held)
    if held.decided:
        return Explanation(version=route.champion, rules=tuple(asked), holdout_bucket=bucket)
    return replace(_split(route, unit, tuple(asked)), holdout_bucket=bucket)


def _split(route: ModelRoute, unit: str, asked: tuple[Rule, ...]) -> Explanation:
    split = route.split
    if split is None or not split.experiment:
        asked += (Rule("experiment", False, f"no experiment splits {route.model}"),)
    if split is None:
        return _champion(route, (*asked, Rule("shift", False, f"{route.model} is not shifted")))
    rule = "experiment" if split.experiment else "shift"
    if not unit and split.per_request:
        return Explanation(version=0, split=split, rules=(*asked, Rule(rule, True, _PER_REQUEST)))
    if not names.is_unit(unit):
        why = f"{explain_rules.why_no_unit(unit)}: the request is in no arm"
        return _champion(route, (*asked, Rule(rule, False, why)))
    return _assigned(route, split, unit, rule, asked)


_PER_REQUEST = (
    "every request is its own unit: its bucket is known once its request id is; "
    "give a request id as the unit to see where it goes"
)


def _champion(route: ModelRoute, asked: tuple[Rule, ...]) -> Explanation:
    champion = Rule("champion", True, f"version {route.champion} is the champion")
    return Explanation(version=route.champion, rules=(*asked, champion))


def _assigned(
    route: ModelRoute, routed: Split, unit: str, rule: str, asked: tuple[Rule, ...]
) -> Explanation:
    bucket = split.bucket(routed.salt, unit)
    segment = routed.table.segment_of(bucket)
    number = routed.versions[segment.arm]
    why = (
        f"xxh64({routed.salt}:{unit}) mod {split.BUCKETS} is bucket {bucket}, in "
        f"[{segment.start}, {segment.end}) of arm {segment.arm}: version {number}"
    )
    helped = fallback.applies(route, routed, segment.arm)
    return Explanation(
        version=number,
        split=routed,
        arm=segment.arm,
        bucket=bucket,
        rules=(*asked, Rule(rule, True, why)),
        fallback=fallback.answers(route, routed) if helped else 0,
    )


def _shadowed(route: ModelRoute, explanation: Explanation) -> Explanation:
    """With what is copied, whatever was decided."""
    shadow = route.shadow
    if shadow is None:
        return explanation
    if shadow.version in route.killed:
        rule = Rule("shadow", False, f"version {shadow.version} is killed: nothing is copied")
        return replace(explanation, rules=(*explanation.rules, rule))
    why = f"version {shadow.version} gets copies of {shadow.share_bp / 100:g}% of such predictions"
    rule = Rule("shadow", False, f"{why}, streams excepted")
    return replace(explanation, rules=(*explanation.rules, rule), shadow=shadow)
