"""The whole report."""

from __future__ import annotations

from collections.abc import Iterable

from algolink.experiment.v1 import measures_pb2
from cli.report import course, timeline, words
from cli.report.html import Html, element, joined, table
from cli.report.material import Material
from cli.report.style import STYLE
from cli.views import experiments, measured, metrics, text

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""A browser refuses whatever the page would load, or run."""


def page(material: Material) -> str:
    """One HTML file that needs nothing else, and that shows what people wrote as text."""
    title = f"{material.name}: {words.headline(material)}"
    return "<!doctype html>\n" + element(
        "html",
        element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
            element("title", title),
            # The style is ours, and entities mean nothing in it.
            element("style", Html(STYLE)),
        ),
        element("body", element("main", *_body(material))),
        lang="en",
    )


def _body(material: Material) -> list[Html]:
    state = experiments.state(material.experiment)
    head = [
        element("p", f"Experiment {material.name} · {state}", class_="kicker"),
        element("h1", words.headline(material)),
        _summary(material),
    ]
    return (
        head
        + (_measured(material) if material.experiment.phases else [])
        + [
            *_section("Timeline", [timeline.timeline(material)]),
            element("p", f"As it was at {material.time:%Y-%m-%d %H:%M:%S} UTC.", class_="foot"),
        ]
    )


def _summary(material: Material) -> Html:
    parts = {
        "What was asked": words.asked(material),
        "What was found": words.found(material),
        "How sure is it": words.sure(material),
        "What happened": words.happened(material),
        "What to do": words.to_do(material),
    }
    return element(
        "dl",
        *(
            joined([element("dt", heading), element("dd", *sentences)])
            for heading, sentences in parts.items()
        ),
        class_="summary bad" if words.is_bad(material) else "summary",
    )


def _measured(material: Material) -> list[Html]:
    primary = measures_pb2.METRIC_ROLE_PRIMARY
    guardrail = measures_pb2.METRIC_ROLE_GUARDRAIL
    sections = [
        ("The effect over time", course.effects(material, primary)),
        ("Guardrails", course.effects(material, guardrail)),
        ("Units", course.arms(material, "Units", lambda arm: arm.units)),
        ("Exposures", course.arms(material, "Exposures", lambda arm: arm.requests)),
        ("Are units where they should be?", course.sample_ratio(material)),
        ("All numbers now", _now(material)),
        ("Lost exposures", [timeline.lost(material)]),
    ]
    return [part for heading, parts in sections for part in _section(heading, parts)]


def _section(heading: str, parts: Iterable[Html]) -> list[Html]:
    """Nothing where there is nothing to show."""
    shown = [*parts]
    return [element("section", element("h2", heading), *shown)] if shown else []


def _now(material: Material) -> list[Html]:
    results = material.results
    arms = [
        [
            arm.arm,
            str(arm.version),
            f"{arm.units:,}",
            f"{arm.crossed_units:,}",
            f"{arm.requests:,}",
            f"{arm.failed_requests:,}",
            f"{arm.latency_p50_ms:.1f}" if arm.HasField("latency_p50_ms") else text.NOTHING,
            f"{arm.latency_p99_ms:.1f}" if arm.HasField("latency_p99_ms") else text.NOTHING,
        ]
        for arm in results.arms
    ]
    heads = ["Arm", "Version", "Units", "Crossed", "Requests", "Failed", "p50 ms", "p99 ms"]
    values = [
        [
            metrics.short(one.metric),
            metrics.role(one.role),
            arm.arm,
            f"{arm.units:,}",
            measured.estimate(arm),
            f"{arm.outcomes:,}",
            f"{arm.late:,}",
        ]
        for one in results.metrics
        for arm in one.arms
    ]
    compared = [
        [
            metrics.short(one.metric),
            comparison.arm,
            *measured.effect(comparison),
            measured.p_value(comparison, "p_value"),
            measured.p_value(comparison, "adjusted_p_value"),
            measured.guardrail(comparison),
        ]
        for one in results.metrics
        for comparison in one.comparisons
    ]
    facts = results.facts
    counted = [
        ["Exposures", f"{facts.exposures:,}"],
        ["Sent again, the same (all experiments)", f"{facts.redelivered:,}"],
        ["Sent again, in conflict (all experiments)", f"{facts.conflicts:,}"],
        ["Outcomes outside their window", f"{facts.outcomes_outside_window:,}"],
    ]
    return [
        table("Arms", heads, arms),
        table(
            "Metrics, by arm",
            ["Metric", "Role", "Arm", "Units", "Estimate", "Outcomes", "Late"],
            values,
        ),
        table(
            f"Metrics, against {material.control}",
            ["Metric", "Arm", "Difference", "Interval", "p-value", "Adjusted p", "Guardrail"],
            compared,
        ),
        table("Facts", ["What", "How many"], counted),
    ]
