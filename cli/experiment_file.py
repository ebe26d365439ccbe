"""Experiments as YAML files: `EXAMPLE` shows all keys.

`unit`, `rule`, `analysis`, `description`, and of the metric all but the name,
may be left out. Whoever writes another key is told so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import yaml

from algolink.client import Analysis, Arm, Metric, Rule
from algolink.client.experiments import AGGREGATIONS, DIRECTIONS, UNITS
from algolink.errors import InvalidArgument
from cli import shares
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
unit: header                   # or request
rule: {auto_conclude: true, min_units_per_arm: 100, min_phases: 1}
analysis: {alpha: 0.05, optimal_units: 5000, srm_alpha: 0.001}
description: Is the new one better?
"""

_WINDOW = re.compile(r"(?P<number>\d{1,9})(?P<unit>ms|s|m|h|d)")
_WINDOW_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentFile:
    """What a file asks for: the arguments of `Client.create_experiment`."""

    name: str
    model: str
    arms: tuple[Arm, ...]
    metric: Metric
    unit: str
    analysis: Analysis | None
    rule: Rule | None
    description: str


def parse(text: str, source: str) -> ExperimentFile:
    """Reads a file.

    Args:
        text: YAML.
        source: what to call it in messages.

    Raises:
        InvalidArgument: EXPERIMENT_FILE_INVALID, naming the key.
    """
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" at line {where.line + 1}" if where is not None else ""
        problem = getattr(error, "problem", None) or "it cannot be read"
        raise InvalidArgument(
            "EXPERIMENT_FILE_INVALID", f"{source} is not YAML{line}: {problem}", file=source
        ) from error
    top = Section.of(value, source)
    parsed = ExperimentFile(
        name=top.text("name"),
        model=top.text("model"),
        arms=tuple(_arm(arm) for arm in top.sections("arms")),
        metric=_metric(top.section("metric")),
        unit=top.choice("unit", UNITS, "header"),
        analysis=_analysis(top.optional_section("analysis")),
        rule=_rule(top.optional_section("rule")),
        description=top.text("description", ""),
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


def _metric(section: Section) -> Metric:
    metric = Metric(
        section.text("name"),
        aggregation=section.choice("aggregation", AGGREGATIONS, "mean"),
        direction=section.choice("direction", DIRECTIONS, "increase"),
        window=_window(section),
    )
    section.finish()
    return metric


def _window(section: Section) -> timedelta:
    text = section.text("window", "0s")
    match = _WINDOW.fullmatch(text)
    if match is None:
        raise section.error("window", f"{text!r} is not a time: use 0s, 10m, 2h or 7d")
    span: timedelta = int(match["number"]) * _WINDOW_UNITS[match["unit"]]
    return span


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
        "unit": wanted.unit,
        "analysis": wanted.analysis,
        "rule": wanted.rule,
        "description": wanted.description,
    }
