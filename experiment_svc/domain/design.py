"""What an experiment asks: its arms, its metrics, and what its decision rests on.

Everything here is fixed when the experiment is made, so that nothing that the
validity rests on can follow from data.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from algolink import names, split
from algolink.errors import InvalidArgument
from experiment_svc.domain.metrics import Measure, Role

MIN_ARMS = 2
MAX_ARMS = 64
MAX_METRICS = 20
MAX_DESCRIPTION = 1_000


class UnitKind(StrEnum):
    """What is assigned to an arm."""

    HEADER = "header"
    REQUEST = "request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One of the versions that are compared.

    Attributes:
        id: unique in the experiment.
        version: number of a version of the model, unique in the experiment.
        weight_bp: share that the experiment starts with, 1 to 10,000.
    """

    id: str
    version: int
    weight_bp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What the statistics rest on.

    Attributes:
        alpha: two-sided error rate under continuous peeking.
        optimal_units: units at which the interval is tightest.
        srm_alpha: error rate of the sample-ratio alarm.
    """

    alpha: float = 0.05
    optimal_units: int = 5_000
    srm_alpha: float = 0.001

    def __post_init__(self) -> None:
        _check_rate("alpha", self.alpha, most=0.5)
        _check_rate("srm_alpha", self.srm_alpha, most=0.1)
        if not 10 <= self.optimal_units <= 10**9:
            raise InvalidArgument(
                "ANALYSIS_INVALID",
                f"optimal_units is {self.optimal_units}: it must be 10 to 10^9",
                optimal_units=self.optimal_units,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When the service acts by itself.

    Attributes:
        auto_conclude: whether it acts at all; if not, it only recommends.
        min_units_per_arm: units with a value that each compared arm needs.
        min_phases: phases that must have begun.
    """

    auto_conclude: bool = False
    min_units_per_arm: int = 100
    min_phases: int = 1

    def __post_init__(self) -> None:
        if self.min_units_per_arm < 2:
            raise InvalidArgument(
                "RULE_INVALID",
                f"min_units_per_arm is {self.min_units_per_arm}: it must be at least 2",
                min_units_per_arm=self.min_units_per_arm,
            )
        if self.min_phases < 1:
            raise InvalidArgument(
                "RULE_INVALID",
                f"min_phases is {self.min_phases}: it must be at least 1",
                min_phases=self.min_phases,
            )


def check_arms(arms: Sequence[Arm]) -> None:
    """Checks the arms of a new experiment.

    Raises:
        InvalidArgument: ARMS_INVALID, or WEIGHTS_INVALID if a weight is not
            positive or they do not sum to 10,000.
    """
    if not MIN_ARMS <= len(arms) <= MAX_ARMS:
        raise InvalidArgument(
            "ARMS_INVALID",
            f"there are {len(arms)} arms: it must be {MIN_ARMS} to {MAX_ARMS}",
            arms=len(arms),
        )
    ids: set[str] = set()
    versions: set[int] = set()
    for arm in arms:
        names.check_arm_id(arm.id)
        if arm.id in ids:
            raise InvalidArgument("ARMS_INVALID", f"two arms have the id {arm.id}", arm=arm.id)
        if not 1 <= arm.version < 10**18:
            raise InvalidArgument(
                "ARMS_INVALID",
                f"arm {arm.id} has version {arm.version}, which no version has",
                arm=arm.id,
                version=arm.version,
            )
        if arm.version in versions:
            raise InvalidArgument(
                "ARMS_INVALID", f"two arms run version {arm.version}", version=arm.version
            )
        ids.add(arm.id)
        versions.add(arm.version)
    for arm in arms:
        if arm.weight_bp < 1:
            raise InvalidArgument(
                "WEIGHTS_INVALID",
                f"weight of arm {arm.id} is {arm.weight_bp}: it must be 1 to {split.BUCKETS} "
                "basis points",
                arm=arm.id,
                weight_bp=arm.weight_bp,
            )
    split.check_weights({arm.id: arm.weight_bp for arm in arms})


def check_metrics(measures: Sequence[Measure]) -> None:
    """Checks the metrics of a new experiment.

    Raises:
        InvalidArgument: METRICS_INVALID.
    """
    if not 1 <= len(measures) <= MAX_METRICS:
        raise InvalidArgument(
            "METRICS_INVALID",
            f"there are {len(measures)} metrics: it must be 1 to {MAX_METRICS}",
            metrics=len(measures),
        )
    seen: set[str] = set()
    for measure in measures:
        if measure.metric.name in seen:
            raise InvalidArgument(
                "METRICS_INVALID",
                f"metric {measure.metric.name} is named twice",
                metric=measure.metric.name,
            )
        seen.add(measure.metric.name)
    primary = [m.metric.name for m in measures if m.role is Role.PRIMARY]
    if len(primary) > 1:
        raise InvalidArgument(
            "METRICS_INVALID",
            f"there are {len(primary)} primary metrics: {', '.join(primary)}; it must be one",
            metrics=len(primary),
        )
    if not primary and not any(measure.role is Role.GUARDRAIL for measure in measures):
        raise InvalidArgument(
            "METRICS_INVALID",
            "there is neither a primary metric nor a guardrail: nothing could be decided",
        )


def ordered_weights(arms: Sequence[Arm], weights: Mapping[str, int]) -> dict[str, int]:
    """`weights` in the order of `arms`.

    Raises:
        InvalidArgument: WEIGHTS_INVALID, if an arm is missing or unknown, a
            weight is out of range, or they do not sum to 10,000.
    """
    ids = [arm.id for arm in arms]
    for arm in weights:
        if arm not in ids:
            raise InvalidArgument(
                "WEIGHTS_INVALID",
                f"the experiment has no arm {names.shown(arm)}",
                arm=names.shown(arm),
            )
    missing = [arm for arm in ids if arm not in weights]
    if missing:
        raise InvalidArgument(
            "WEIGHTS_INVALID", f"arm {missing[0]} has no weight: name every arm", arm=missing[0]
        )
    ordered = {arm: weights[arm] for arm in ids}
    split.check_weights(ordered)
    return ordered


def check_description(description: str) -> str:
    """Returns `description` if it may be stored, else raises DESCRIPTION_INVALID."""
    if len(description) > MAX_DESCRIPTION:
        raise InvalidArgument(
            "DESCRIPTION_INVALID",
            f"the description has {len(description)} characters: at most {MAX_DESCRIPTION}",
            length=len(description),
        )
    if "\0" in description:
        raise InvalidArgument("DESCRIPTION_INVALID", "the description has a NUL character")
    return description


def _check_rate(name: str, rate: float, *, most: float) -> None:
    if not (math.isfinite(rate) and 0.0 < rate <= most):
        raise InvalidArgument(
            "ANALYSIS_INVALID",
            f"{name} is {rate}: it must be over 0 and at most {most}",
            **{name: rate},
        )
