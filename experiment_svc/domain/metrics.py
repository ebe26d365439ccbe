"""Metrics: what one unit's outcomes, or its requests, become, and which way is better.

A definition never changes: another one is another version, and an experiment
keeps the one that it was made with.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from algolink import names
from algolink.errors import InvalidArgument

MAX_WINDOW = timedelta(days=90)
MAX_LATENESS = timedelta(days=30)
MAX_THRESHOLD_MS = 3_600_000


class Kind(StrEnum):
    """What a metric is of: outcomes that somebody records, or the requests themselves."""

    BINARY = "binary"
    MEAN = "mean"
    COUNT = "count"
    RATIO = "ratio"
    QUANTILE = "quantile"
    ERROR_RATE = "error-rate"
    SLOW_SHARE = "slow-share"
    FALLBACK_RATE = "fallback-rate"
    LATENCY_QUANTILE = "latency-quantile"


OF_REQUESTS = frozenset(
    {Kind.ERROR_RATE, Kind.SLOW_SHARE, Kind.FALLBACK_RATE, Kind.LATENCY_QUANTILE}
)
"""Kinds that rest on exposures alone: nobody has to record an outcome."""

OF_EVENTS = frozenset({Kind.BINARY, Kind.ERROR_RATE, Kind.SLOW_SHARE, Kind.FALLBACK_RATE})
"""Kinds whose units have an event or not: counted exactly, however rare."""

FOR_DISPLAY = frozenset({Kind.QUANTILE, Kind.LATENCY_QUANTILE})
"""Kinds without an always-valid interval: nothing may act on them."""


class Aggregation(StrEnum):
    """How outcomes of one unit become one value."""

    ANY = "any"
    SUM = "sum"
    MEAN = "mean"
    COUNT = "count"


_AGGREGATIONS = {
    Kind.BINARY: (Aggregation.ANY,),
    Kind.MEAN: (Aggregation.MEAN, Aggregation.SUM),
    Kind.COUNT: (Aggregation.COUNT,),
    Kind.RATIO: (Aggregation.SUM,),
    Kind.QUANTILE: (Aggregation.MEAN, Aggregation.SUM),
    Kind.ERROR_RATE: (Aggregation.ANY,),
    Kind.SLOW_SHARE: (Aggregation.ANY,),
    Kind.FALLBACK_RATE: (Aggregation.ANY,),
    Kind.LATENCY_QUANTILE: (Aggregation.MEAN,),
}
"""What each kind may be made of; the first is its default."""


class Direction(StrEnum):
    """Which way a metric gets better."""

    INCREASE = "increase"
    DECREASE = "decrease"

    def is_good(self, effect: float) -> bool:
        """Whether a change by `effect` is an improvement."""
        return effect > 0.0 if self is Direction.INCREASE else effect < 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Covariate:
    """What was known of a unit before its first exposure (CUPED).

    A unit of which nothing was known counts 0.

    Attributes:
        outcome: under which it was recorded, aggregated as the metric is.
        denominator: of a ratio; empty otherwise.
        period: how far back from the first exposure.
    """

    outcome: str
    denominator: str = ""
    period: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """What is measured per unit.

    Attributes:
        name: id of the metric; unique in an experiment.
        version: of its definition, from 1; 0 if an experiment defines it itself.
        outcome: under which outcomes are recorded; a ratio's numerator. Empty for
            metrics of requests.
        denominator: outcome that a ratio divides by; empty otherwise.
        window: outcomes count from the first exposure for this long; zero has
            no end but that of the unit's phase.
        lateness: outcomes count if they are received until this long after the
            window's end, and the unit is analysed then; None counts whatever comes.
        lower_cap: smaller values of a unit count as this; None for no cap.
        upper_cap: larger ones likewise.
        level: of a quantile, over 0 and under 1; 0 otherwise.
        threshold_ms: a request is slow over this; 0 otherwise.
        minimum_effect: smallest difference that matters, in the metric's unit; 0 if
            nobody said.
    """

    name: str
    kind: Kind = Kind.MEAN
    aggregation: Aggregation
    direction: Direction
    version: int = 0
    outcome: str = ""
    denominator: str = ""
    window: timedelta = timedelta()
    lateness: timedelta | None = None
    lower_cap: float | None = None
    upper_cap: float | None = None
    covariate: Covariate | None = None
    level: float = 0.0
    threshold_ms: int = 0
    minimum_effect: float = 0.0
    description: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        names.check_metric_name(self.name)
        if self.aggregation not in _AGGREGATIONS[self.kind]:
            allowed = " or ".join(_AGGREGATIONS[self.kind])
            raise _invalid("aggregation", self.aggregation, f"a {self.kind} is made by {allowed}")
        self._check_outcomes()
        _check_span("window", self.window, MAX_WINDOW)
        if self.lateness is not None:
            _check_span("lateness", self.lateness, MAX_LATENESS)
            if not self.window:
                raise _invalid("lateness", self.lateness, "it needs a window that ends")
        self._check_caps()
        _check_given("level", self.level, self.kind in FOR_DISPLAY, 0.0 < self.level < 1.0)
        within = 1 <= self.threshold_ms <= MAX_THRESHOLD_MS
        _check_given("threshold_ms", self.threshold_ms, self.kind is Kind.SLOW_SHARE, within)
        if not 0.0 <= self.minimum_effect < math.inf:
            raise _invalid("minimum_effect", self.minimum_effect, "it must be positive")

    @property
    def of_requests(self) -> bool:
        """Whether it rests on exposures alone."""
        return self.kind in OF_REQUESTS

    @property
    def is_ratio(self) -> bool:
        """Whether a unit has a numerator and a denominator."""
        return self.kind is Kind.RATIO

    @property
    def label(self) -> str:
        """The name with the version, where there is one."""
        return f"{self.name}@{self.version}" if self.version else self.name

    @property
    def size(self) -> int:
        """Values per unit: 2 for a ratio, twice as many with a covariate."""
        return (2 if self.is_ratio else 1) * (2 if self.covariate else 1)

    def _check_outcomes(self) -> None:
        if self.of_requests:
            if self.direction is not Direction.DECREASE:
                raise _invalid("direction", self.direction, f"less of a {self.kind} is better")
            for name, value in (("outcome", self.outcome), ("denominator", self.denominator)):
                if value:
                    raise _invalid(name, value, f"a {self.kind} is of requests, not of outcomes")
        else:
            names.check_metric_name(self.outcome)
        _check_given("denominator", self.denominator, self.is_ratio, bool(self.denominator))
        if self.is_ratio:
            names.check_metric_name(self.denominator)
        if self.covariate is not None:
            self._check_covariate(self.covariate)

    def _check_covariate(self, covariate: Covariate) -> None:
        if self.of_requests or self.kind is Kind.QUANTILE:
            raise _invalid("covariate", covariate.outcome, f"a {self.kind} has none")
        names.check_metric_name(covariate.outcome)
        denominator = covariate.denominator
        _check_given("covariate.denominator", denominator, self.is_ratio, bool(denominator))
        if denominator:
            names.check_metric_name(denominator)
        if not timedelta() < covariate.period <= MAX_WINDOW:
            raise _invalid("covariate.period", covariate.period, "it must be over 0, to 90 days")

    def _check_caps(self) -> None:
        caps = [cap for cap in (self.lower_cap, self.upper_cap) if cap is not None]
        if not caps:
            return
        if self.kind not in (Kind.MEAN, Kind.COUNT):
            raise _invalid("upper_cap", caps[-1], f"a {self.kind} is not capped")
        if not all(map(math.isfinite, caps)) or caps != sorted(caps) or len(set(caps)) < len(caps):
            raise _invalid("upper_cap", caps[-1], "caps must be finite, the lower one below")


class Role(StrEnum):
    """What an experiment wants a metric for."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    GUARDRAIL = "guardrail"
    DIAGNOSTIC = "diagnostic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A metric in an experiment.

    Attributes:
        margin: how much worse than the control is not worse yet, as a fraction of
            the control's mean; 0 if nobody said.
    """

    metric: Metric
    role: Role
    margin: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.margin <= 10.0:
            raise _invalid("margin", self.margin, "it must be 0 to 10: a fraction of the mean")
        if self.role is Role.GUARDRAIL and not self.margin:
            raise _invalid("margin", self.margin, f"guardrail {self.metric.name} needs a margin")
        if self.role in (Role.SECONDARY, Role.DIAGNOSTIC) and self.margin:
            raise _invalid("margin", self.margin, f"a {self.role} metric has none")
        if self.metric.kind in FOR_DISPLAY and self.role in (Role.PRIMARY, Role.GUARDRAIL):
            raise _invalid(
                "role",
                self.role,
                f"nothing may rest on a {self.metric.kind}: it has no interval that stays valid; "
                "use a slow-share, or make it diagnostic",
            )


def default_aggregation(kind: Kind) -> Aggregation:
    """What a kind is made of where nothing is said."""
    return _AGGREGATIONS[kind][0]


def _check_given(name: str, value: object, wanted: bool, given: bool) -> None:
    """Checks what one kind needs and no other has."""
    if wanted and not given:
        raise _invalid(name, value, "it is missing or out of range for this kind")
    if not wanted and value:
        raise _invalid(name, value, "this kind has none")


def _check_span(name: str, span: timedelta, most: timedelta) -> None:
    if not timedelta() <= span <= most:
        raise InvalidArgument(
            "METRIC_INVALID",
            f"the {name} is {span}: it must be 0 to {most.days} days",
            **{f"{name}_ms": int(span / timedelta(milliseconds=1))},
        )


def _invalid(field_name: str, value: object, problem: str) -> InvalidArgument:
    shown = names.shown(value) if isinstance(value, str) else value
    return InvalidArgument(
        "METRIC_INVALID", f"{field_name} is {shown}: {problem}", field=field_name, value=shown
    )
