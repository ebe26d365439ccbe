"""Experiments as YAML files: `EXAMPLE` shows all keys.

`unit`, `rule`, `analysis`, `description`, and of the metric all but the name,
may be left out; `metrics` takes the place of `metric`. Whoever writes another key is told so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from algolink.client import Analysis, Arm, Metric, Rule, Use
from algolink.client.experiments import AGGREGATIONS, DIRECTIONS, UNITS
from algolink.errors import InvalidArgument
from cli import sections, shares
from cli.sections import Section

EXAMPLE = """\
name: iris-2
model: iris
arms:                          # the first is the control: the champion
  - {id: champion, version: 1, weight: 90%}
  - {id: challenger, version: 2, weight_bp: 1000}
metric:
  name: correct
  aggregation: mean            # mean, sum or any of a unit's outcomes
  direction: increase          # or decrease
  window: 0s                   # 30s, 10m, 2h, 7d
# or, in place of metric, versions of metrics that `algolink metric create` made:
# metrics:
#   primary: correct@1
#   secondary: [revenue@3]
#   guardrails: [{metric: errors, margin: 20%}]
#   diagnostic: [latency-p99]
unit: header                   # or request
rule: {auto_conclude: true, min_units_per_arm: 100, min_phases: 1}
analysis: {alpha: 0.05, optimal_units: 5000, srm_alpha: 0.001}
description: Is the new one better?
# policy: careful@1            # in place of a rule: what is done without being asked
# allow_incompatible: true     # arms that lack inputs or outputs of the control's
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentFile:
    """What a file asks for: the arguments of `Client.create_experiment`."""

    name: str
    model: str
    arms: tuple[Arm, ...]
    metric: Metric | None
    unit: str
    analysis: Analysis | None
    rule: Rule | None
    description: str
    metrics: tuple[Use, ...] = ()
    allow_incompatible: bool = False
    policy: str = ""


def parse(text: str, source: str) -> ExperimentFile:
    """Reads a file.

    Args:
        text: YAML.
        source: what to call it in messages.

    Raises:
        InvalidArgument: EXPERIMENT_FILE_INVALID, naming the key.
    """
    top = sections.read(text, source, "EXPERIMENT_FILE_INVALID")
    parsed = ExperimentFile(
        name=top.text("name"),
        model=top.text("model"),
        arms=tuple(_arm(arm) for arm in top.sections("arms")),
        metric=_metric(top),
        metrics=_metrics(top),
        unit=top.choice("unit", UNITS, "header"),
        analysis=_analysis(top.optional_section("analysis")),
        rule=_rule(top.optional_section("rule")),
        description=top.text("description", ""),
        allow_incompatible=top.flag("allow_incompatible", False),
        policy=top.text("policy", ""),
    )
    top.finish()
    return parsed


def _arm(section: Section) -> Arm:
    arm = Arm(section.text("id"), section.integer("version"), _weight_bp(section))
    section.finish()
    return arm


def _weight_bp(section: Section) -> int:
    if section.has("weight") == section.has("weight_bp"):
        raise section.error("weight", "give either weight (10%) or weight_bp (1000)")
    if section.has("weight_bp"):
        return section.integer("weight_bp")
    share = section.text("weight")
    try:
        return shares.basis_points(share)
    except InvalidArgument as error:
        raise section.error("weight", error.message) from error


def _metric(top: Section) -> Metric | None:
    if top.has("metric") == top.has("metrics"):
        raise top.error("metric", "give either metric, defined here, or metrics by name")
    if not top.has("metric"):
        return None
    section = top.section("metric")
    metric = Metric(
        section.text("name"),
        aggregation=section.choice("aggregation", AGGREGATIONS, "mean"),
        direction=section.choice("direction", DIRECTIONS, "increase"),
        window=section.span("window", "0s"),
    )
    section.finish()
    return metric


def _metrics(top: Section) -> tuple[Use, ...]:
    """Metrics by role: a name with its version, or a mapping with a margin too."""
    if not top.has("metrics"):
        return ()
    section = top.section("metrics")
    uses: list[Use] = []
    if section.has("primary"):
        uses.append(_use(section, "primary", section.values["primary"], "primary"))
    for key, role in _LISTS.items():
        if section.has(key):
            listed = section.values[key]
            if not isinstance(listed, list):
                raise section.error(key, "must be a list of metrics")
            uses += [
                _use(section, f"{key}[{index}]", item, role) for index, item in enumerate(listed)
            ]
    section.finish()
    return tuple(uses)


_LISTS = {"secondary": "secondary", "guardrails": "guardrail", "diagnostic": "diagnostic"}


def _use(section: Section, key: str, value: Any, role: str) -> Use:
    if isinstance(value, str):
        return Use(value, role)
    item = Section.of(value, section.source, f"{section.path}.{key}", section.reason)
    margin = 0.0
    if item.has("margin"):
        share = item.text("margin")
        if _PERCENT.fullmatch(share) is None:
            raise item.error("margin", f"{share!r} is not a share: write 2% or 0.5%")
        margin = float(share.removesuffix("%")) / 100.0
    use = Use(item.text("metric"), role, margin)
    item.finish()
    return use


_PERCENT = re.compile(r"\d{1,4}(\.\d{1,6})?%")


def _analysis(section: Section | None) -> Analysis | None:
    if section is None:
        return None
    analysis = Analysis(
        alpha=section.number("alpha", 0.0),
        optimal_units=section.integer("optimal_units", 0),
        srm_alpha=section.number("srm_alpha", 0.0),
    )
    section.finish()
    return analysis


def _rule(section: Section | None) -> Rule | None:
    if section is None:
        return None
    rule = Rule(
        auto_conclude=section.flag("auto_conclude", False),
        min_units_per_arm=section.integer("min_units_per_arm", 0),
        min_phases=section.integer("min_phases", 0),
    )
    section.finish()
    return rule


def to_arguments(wanted: ExperimentFile) -> dict[str, Any]:
    """Keyword arguments of `Client.create_experiment` beyond the name."""
    return {
        "model": wanted.model,
        "arms": wanted.arms,
        "metric": wanted.metric,
        "metrics": wanted.metrics,
        "unit": wanted.unit,
        "analysis": wanted.analysis,
        "rule": wanted.rule,
        "description": wanted.description,
        "allow_incompatible": wanted.allow_incompatible,
        "policy": wanted.policy,
    }
