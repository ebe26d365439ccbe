"""Random routes and requests, and where a request goes by the words of the design.

Nothing here is shared with what renders: the oracle knows only `algolink.split`,
`algolink.audience` and the order of precedence.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st

from algolink import audience, split
from algolink.audience import Condition, Equals, In, Prefix, Range, Regex
from mesh import table

ATTRIBUTES = ("age", "country", "user")
_UNIT = re.compile(r"[A-Za-z0-9._:@+/=-]{1,128}")


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a client asks.

    Attributes:
        call: `stream`, `grpc` or `http`.
        predicts: False to ask for metadata.
        version: that the REST path names, if it does.
        units: all values of the unit's header.
        attributes: all values of each attribute.
    """

    call: str = "grpc"
    predicts: bool = True
    version: int | None = None
    units: Sequence[str] = ()
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def path(self) -> str:
        if self.call != "http":
            method = "ModelInfer" if self.call == "grpc" else "ModelStreamInfer"
            return f"/inference.GRPCInferenceService/{method if self.predicts else 'ModelMetadata'}"
        version = "" if self.version is None else f"/versions/{self.version}"
        return f"/v2/models/digits{version}{'/infer' if self.predicts else ''}"

    @property
    def headers(self) -> list[tuple[str, str]]:
        named = [("x-algolink-unit", unit) for unit in self.units]
        for name, values in self.attributes.items():
            named += [(f"x-algolink-attr-{name}", value) for value in values]
        return named


@dataclass(frozen=True, order=True)
class Goal:
    """Where a request goes, and as what; a status instead of a version if it is refused."""

    version: int = 0
    arm: str = ""
    experiment: str = ""
    status: int = 200


def goals(
    route: table.ModelRoute,
    request: Request,
    without: Collection[int | str] = (),
    *,
    sticky: bool = True,
) -> dict[Goal, int]:
    """Weight of each goal that a request may reach; one of weight 1 if it is decided.

    Args:
        sticky: False where units do not keep their arm.
        without: numbers, from 1, of audiences that are left out; and `holdout`, if that is.
    """
    if request.call == "http" and request.version is not None:
        if request.version in route.killed:
            return {Goal(status=412): 1}
        if request.version not in route.versions:
            return {Goal(status=404): 1}
        return {Goal(request.version): 1}
    champion = {Goal(route.champion): 1}
    if not request.predicts:
        return champion
    unit = request.units[0] if len(request.units) == 1 else ""
    if unit in route.overrides and f"overrides to version {route.overrides[unit]}" not in without:
        return {Goal(_alive(route, route.overrides[unit])): 1}
    for number, each in enumerate(route.audiences, start=1):
        if number not in without and audience.matches(each.conditions, request.attributes):
            if each.version is not None:
                return {Goal(_alive(route, each.version)): 1}
            break
    holdout = None if "holdout" in without else route.holdout
    if holdout is not None and _UNIT.fullmatch(unit):
        is_held = split.bucket(holdout.layer, unit) < holdout.share_bp
        return champion if is_held else _assigned(route, request, sticky) or champion
    return _assigned(route, request, sticky) or champion


def _assigned(route: table.ModelRoute, request: Request, sticky: bool) -> dict[Goal, int]:
    chosen = route.split
    if chosen is None:
        return {}
    has_unit = len(request.units) == 1 and _UNIT.fullmatch(request.units[0]) is not None
    if not (has_unit or chosen.per_request):
        return {}
    if chosen.per_request or not sticky:
        weights: dict[Goal, int] = {}
        for arm, weight in chosen.table.weights().items():
            goal = _of_arm(route, chosen, arm)
            weights[goal] = weights.get(goal, 0) + weight
        return weights
    arm = chosen.table.arm_of(split.bucket(chosen.salt, request.units[0]))
    return {_of_arm(route, chosen, arm): 1}


def _of_arm(route: table.ModelRoute, chosen: table.Split, arm: str) -> Goal:
    version = _alive(route, chosen.versions[arm])
    return Goal(version, arm, chosen.experiment) if chosen.experiment else Goal(version)


def _alive(route: table.ModelRoute, version: int) -> int:
    return route.champion if version in route.killed else version


_values = st.sampled_from(["FR", "FRA", "BE", "18", " 21", "-3", "007", "65", "user-1", "a|b", "*"])
_bounds = st.integers(-20, 90)
_tests = st.one_of(
    st.builds(Equals, _values),
    st.builds(In, st.lists(_values, min_size=1, max_size=3, unique=True).map(tuple)),
    st.builds(Prefix, st.sampled_from(["F", "FR", "user-", "1", "0"])),
    st.builds(Regex, st.sampled_from(["F.*", "[0-9]+", ".*", "FR|BE", "user-[0-9]{1,3}"])),
    st.tuples(_bounds, _bounds).filter(lambda b: b[0] < b[1]).map(lambda b: Range(*b)),
)
_conditions = st.builds(
    Condition, attribute=st.sampled_from(ATTRIBUTES), test=_tests, negated=st.booleans()
)
_VERSIONS = (1, 2, 3, 4, 5)


@st.composite
def routes(draw: st.DrawFn) -> table.ModelRoute:
    """A route of model `digits`, with anything that a route can have."""
    killed = tuple(sorted(draw(st.sets(st.sampled_from(_VERSIONS[1:]), max_size=2))))
    chosen = draw(st.none() | _splits())
    audiences = st.builds(
        table.Audience,
        conditions=st.lists(_conditions, min_size=1, max_size=3).map(tuple),
        version=st.none() | st.sampled_from(_VERSIONS),
    )
    shadow = st.builds(
        table.Shadow, version=st.sampled_from(_VERSIONS), share_bp=st.integers(1, 10_000)
    )
    overridden = st.dictionaries(
        st.sampled_from(["ann", "bob@example.org", "a/b+c=d"]), st.sampled_from(_VERSIONS)
    )
    holdout = st.builds(
        table.Holdout, layer=st.just("everybody"), share_bp=st.sampled_from([1, 3_000, 10_000])
    )
    return table.ModelRoute(
        overrides=draw(overridden),
        holdout=draw(st.none() | holdout),
        model="digits",
        pool="default",
        champion=1,
        versions=tuple(version for version in _VERSIONS if version not in killed),
        killed=killed,
        split=chosen,
        shadow=draw(st.none() | shadow),
        audiences=tuple(draw(st.lists(audiences, max_size=4))),
    )


@st.composite
def _splits(draw: st.DrawFn) -> table.Split:
    arms = {"control": 1, "second": draw(st.sampled_from(_VERSIONS)), "third": 3}
    buckets = split.allocate({"control": 10_000})
    for _ in range(draw(st.integers(1, 3))):
        first = draw(st.integers(0, 10_000))
        second = draw(st.integers(0, 10_000 - first))
        weights = {"control": first, "second": second, "third": 10_000 - first - second}
        buckets = split.resize(buckets, weights)
    is_experiment = draw(st.booleans())
    return table.Split(
        experiment="sizes" if is_experiment else "",
        phase=1 if is_experiment else 0,
        salt=draw(st.sampled_from(["sizes", "other-salt"])),
        per_request=draw(st.booleans()),
        table=buckets,
        versions=arms,
        control="control",
        experiment_revision=1,
    )


_well_formed_unit = st.one_of(
    st.from_regex(r"\A[A-Za-z0-9._:@+/=-]{1,20}\Z"),
    st.sampled_from(["ann", "bob@example.org", "a/b+c=d"]),
)
_other_units = st.sampled_from([[], [""], ["two words"], ["u" * 129], ["a", "b"]])
_odd_values = st.sampled_from([["FR", "FR"], ["x" * 257], ["F\tR"], [""]])


def requests(*, odd: bool = True) -> st.SearchStrategy[Request]:
    """Requests of model `digits`.

    Args:
        odd: whether headers may be sent twice, be too long or hold no text.
    """
    usable = st.one_of(_values, st.integers(-30, 100).map(str)).map(lambda value: [value])
    values = st.one_of(usable, _odd_values) if odd else usable
    units = _well_formed_unit.map(lambda unit: [unit])
    return st.builds(
        Request,
        call=st.sampled_from(["stream", "grpc", "http"]),
        predicts=st.sampled_from([True, True, True, False]),
        version=st.sampled_from([None, None, 1, 2, 3, 9]),
        units=st.one_of(units, units, _other_units if odd else st.just([])),
        attributes=st.dictionaries(st.sampled_from(ATTRIBUTES), values, max_size=3),
    )
