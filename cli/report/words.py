"""The report's answer, in words for those who asked the question."""

from __future__ import annotations

from algolink.experiment.v1 import experiment_pb2 as pb
from algolink.experiment.v1 import measures_pb2
from cli import shares
from cli.report.html import Html, element
from cli.report.material import Material
from cli.views import metrics

_ENDED = (pb.STATE_CONCLUDING, pb.STATE_CONCLUDED, pb.STATE_STOPPED)
_STANDINGS = {
    measures_pb2.STANDING_INFERIOR: "broken: worse than its margin allows",
    measures_pb2.STANDING_NON_INFERIOR: "within its margin",
}


def headline(material: Material) -> str:
    """The answer in one line."""
    experiment, results = material.experiment, material.results
    match experiment.state:
        case pb.STATE_DRAFT:
            return "Not started: nothing has been measured"
        case pb.STATE_CONCLUDING | pb.STATE_CONCLUDED:
            verdict = experiment.verdict
            by_hand = ", by a person's decision" if verdict.forced else ""
            return f"{verdict.winner} (version {verdict.version}) won{by_hand}"
        case pb.STATE_STOPPED:
            return "Stopped: nobody was promoted"
    if results.sample_ratio.mismatch:
        return "Running, but its results cannot be trusted"
    if not material.units:
        return "Running: no data yet"
    if broken(material):
        return "Running: a guardrail is broken"
    if results.recommended_winner:
        return f"Running: {results.recommended_winner} can be concluded as the winner"
    return "Running: not decided yet"


def is_bad(material: Material) -> bool:
    """Whether somebody has to look at it."""
    return (
        material.results.sample_ratio.mismatch
        or material.open_losses
        or bool(broken(material))
        or material.experiment.HasField("promotion_refusal")
    )


def broken(material: Material) -> list[str]:
    """Guardrails that are, with the arm."""
    return [
        f"{comparison.arm} on {metrics.short(one.metric)}"
        for one in material.guardrails
        for comparison in one.comparisons
        if comparison.standing == measures_pb2.STANDING_INFERIOR
    ]


def asked(material: Material) -> list[Html]:
    """The question."""
    experiment = material.experiment
    named = ", ".join(f"{arm.id} (version {arm.version})" for arm in experiment.arms[1:])
    control = experiment.arms[0]
    what = (
        f"{named} against {control.id} (version {control.version}), "
        f"on live traffic of {experiment.model.removeprefix('models/')}."
    )
    role = measures_pb2.METRIC_ROLE_PRIMARY
    decides = [use.metric for use in experiment.metrics if use.role == role]
    less = decides and decides[0] in material.decreasing
    if decides:
        better = "lower" if less else "higher"
        what += f" What decides is {metrics.short(decides[0])}: {better} is better."
    else:
        what += " Nothing decides who is better: guardrails watch that nothing gets worse."
    words = [element("p", what)]
    if experiment.description:
        words.append(element("p", experiment.description))
    return words


def found(material: Material) -> list[Html]:
    """What was measured, arm by arm."""
    if not material.units:
        return [element("p", "Nothing yet: no unit has been seen.")]
    words = [f"{material.units:,} units took part."]
    if material.primary is not None:
        words += [
            _effect(comparison, less=material.primary.metric in material.decreasing)
            for comparison in material.primary.comparisons
        ]
    words += [
        f"Guardrail {metrics.short(one.metric)}, {comparison.arm}: {standing(comparison)}."
        for one in material.guardrails
        for comparison in one.comparisons
    ]
    return [element("p", sentence) for sentence in words]


def standing(comparison: measures_pb2.Comparison) -> str:
    """Where an arm stands against a guardrail."""
    return _STANDINGS.get(comparison.standing, "not known yet")


def sure(material: Material) -> list[Html]:
    """How far the numbers can be relied on."""
    results = material.results
    if not material.units:
        return [element("p", "There is nothing to be sure of yet.")]
    alpha = material.experiment.analysis.alpha or 0.05
    words = [
        f"The intervals hold at every look: all comparisons that decide taken together, the "
        f"chance of ever claiming a difference that is not there is at most {alpha:.3g}, "
        f"however often anybody looks."
    ]
    if results.sample_ratio.mismatch:
        words.insert(
            0,
            "Do not rely on these numbers: units are not where they should be "
            f"(sample ratio, p = {results.sample_ratio.p_value:.2g}), the arms may differ.",
        )
    if material.open_losses:
        words.insert(
            0, "Some traffic was lost before it could be counted, and nobody has said why."
        )
    return [element("p", sentence) for sentence in words]


def happened(material: Material) -> list[Html]:
    """How it went."""
    experiment = material.experiment
    if experiment.state == pb.STATE_DRAFT:
        return [element("p", "It was written down and not started.")]
    words = []
    if experiment.HasField("start_time"):
        words.append(f"It started on {experiment.start_time.ToDatetime():%Y-%m-%d at %H:%M} UTC.")
    ramps = sum(not material.is_of_the_verdict(phase) for phase in experiment.phases[1:])
    if ramps:
        words.append(f"The shares were changed {'once' if ramps == 1 else f'{ramps} times'}.")
    if experiment.state in _ENDED and experiment.HasField("end_time"):
        words.append(f"It ended on {experiment.end_time.ToDatetime():%Y-%m-%d at %H:%M} UTC.")
    if experiment.HasField("verdict"):
        words.append(f"The verdict: {experiment.verdict.summary}.")
    elif material.decisions:
        words.append(f"Its policy, last: {material.decisions[-1].reason}.")
    if experiment.HasField("promotion_refusal"):
        words.append(f"The winner was not promoted: {experiment.promotion_refusal.message}.")
    if experiment.state == pb.STATE_RUNNING:
        split = ", ".join(f"{arm.id} {shares.percent(arm.weight_bp)}" for arm in experiment.arms)
        words.append(f"Now the traffic goes to {split}.")
    return [element("p", " ".join(words))]


def to_do(material: Material) -> list[Html]:
    """What the reader, or who they ask, should do next."""
    experiment, results, name = material.experiment, material.results, material.name
    steps: list[Html] = []
    if experiment.awaiting_approval:
        steps.append(
            _step(
                f"Approve, or stop it: it waits for a person to {experiment.awaiting_approval}",
                f"algolink experiment approve {name}",
            )
        )
    if material.open_losses and experiment.state == pb.STATE_RUNNING:
        steps.append(
            _step(
                "Find out what was lost, then say so",
                f"algolink experiment acknowledge-losses {name}",
            )
        )
    match experiment.state:
        case pb.STATE_DRAFT:
            steps.append(_step("Start it when you are ready", f"algolink experiment start {name}"))
        case pb.STATE_CONCLUDING:
            steps.append(_step("Nothing: the winner has the traffic and is being promoted"))
        case pb.STATE_CONCLUDED:
            steps.append(_step("Nothing: the winner serves all traffic"))
        case pb.STATE_STOPPED:
            steps.append(_step("Nothing has to be undone: the champion has all traffic again"))
        case _ if results.sample_ratio.mismatch:
            steps.append(
                _step(
                    "Stop it and find out where units go missing",
                    f"algolink experiment stop {name}",
                )
            )
        case _ if broken(material):
            steps.append(_step("Stop it, or let its policy", f"algolink experiment stop {name}"))
        case _ if results.recommended_winner:
            steps.append(_step("Conclude it", f"algolink experiment conclude {name}"))
        case _:
            steps.append(_step(f"Let it run. What is missing: {results.recommendation or 'data'}"))
    return steps


def _effect(comparison: measures_pb2.Comparison, *, less: bool) -> str:
    if not comparison.HasField("effect"):
        return f"{comparison.arm}: cannot be compared yet ({comparison.undefined_reason})."
    lift = f" ({comparison.lift:+.1%})" if comparison.HasField("lift") else ""
    if comparison.lower <= 0.0 <= comparison.upper:
        says = "no difference is shown"
    else:
        says = "better" if (comparison.effect < 0) == less else "worse"
    return (
        f"{comparison.arm}: {says}. The difference is {comparison.effect:+.4g}{lift}, and lies "
        f"between {comparison.lower:+.4g} and {comparison.upper:+.4g}."
    )


def _step(words: str, command: str = "") -> Html:
    if not command:
        return element("p", f"{words}.")
    return element("p", f"{words}: ", element("code", command))
