"""Metrics as YAML files: `EXAMPLE` shows all keys."""

from __future__ import annotations

from algolink.client import Covariate, Definition
from algolink.client.metrics import KINDS
from cli import sections
from cli.sections import Section

EXAMPLE = """\
name: revenue-per-visit
kind: ratio              # binary, mean, count, ratio or quantile of outcomes; or of requests
                         # error-rate, slow-share, fallback-rate or latency-quantile
outcome: revenue         # recorded under this name; the metric's own if left out
denominator: visits      # of a ratio
direction: increase      # or decrease
window: 7d               # outcomes count from a unit's first exposure for this long
lateness: 1h             # and may come in this much later
covariate: {outcome: revenue, denominator: visits, period: 14d}   # from before (CUPED)
minimum_effect: 0.05     # smallest difference that matters
description: Money for each visit
# of some kinds only: aggregation (mean or sum of a unit's outcomes), lower_cap, upper_cap,
# level (0.5 is the median), threshold_ms
"""


def parse(text: str, source: str) -> tuple[str, Definition]:
    """Reads a file: the metric's id, and what it is.

    Args:
        text: YAML.
        source: what to call it in messages.

    Raises:
        InvalidArgument: METRIC_FILE_INVALID, naming the key.
    """
    top = sections.read(text, source, "METRIC_FILE_INVALID")
    name = top.text("name")
    definition = Definition(
        kind=top.choice("kind", KINDS),
        direction=top.text("direction", ""),
        outcome=top.text("outcome", ""),
        denominator=top.text("denominator", ""),
        aggregation=top.text("aggregation", ""),
        window=top.span("window", "0s"),
        lateness=top.optional_span("lateness"),
        lower_cap=top.optional_number("lower_cap"),
        upper_cap=top.optional_number("upper_cap"),
        covariate=_covariate(top.optional_section("covariate")),
        level=top.number("level", 0.0),
        threshold_ms=top.integer("threshold_ms", 0),
        minimum_effect=top.number("minimum_effect", 0.0),
        description=top.text("description", ""),
    )
    top.finish()
    return name, definition


def _covariate(section: Section | None) -> Covariate | None:
    if section is None:
        return None
    covariate = Covariate(
        outcome=section.text("outcome"),
        denominator=section.text("denominator", ""),
        period=section.span("period"),
    )
    section.finish()
    return covariate
