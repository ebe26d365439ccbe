"""What happened to an experiment, in order."""

from __future__ import annotations

from algolink.experiment.v1 import experiment_pb2, policies_pb2
from cli import shares
from cli.report.html import Html, element, joined, table
from cli.report.material import Material
from cli.views import losses, text


def timeline(material: Material) -> Html:
    """Start, ramps, decisions, verdict and end, with the digests of the evidence."""
    experiment = material.experiment
    events = [(experiment.create_time.ToMicroseconds(), ["Written down", "", ""])]
    events += [
        (
            phase.start_time.ToMicroseconds(),
            [_phase(material, phase), _split(experiment, phase), ""],
        )
        for phase in experiment.phases
    ]
    events += [
        (one.time.ToMicroseconds(), [_action(one), one.reason, one.digest])
        for one in material.decisions
    ]
    if experiment.HasField("verdict"):
        given = experiment.verdict
        what = "Verdict by hand" if given.forced else "Verdict"
        events.append((given.time.ToMicroseconds(), [what, given.summary, given.digest]))
    if experiment.HasField("end_time"):
        events.append((experiment.end_time.ToMicroseconds(), ["Ended", "", ""]))
    events.sort(key=lambda event: event[0])
    rows = [[_moment(time_us), *cells] for time_us, cells in events]
    note = element(
        "p",
        "A digest is the SHA-256 of the evidence that a decision was written with. ",
        "Whoever doubts a decision of a policy computes it again from the facts: ",
        element("code", f"algolink experiment replay {material.name}"),
    )
    heads = ["Time", "What", "Why, or how the traffic was split", "Evidence (SHA-256)"]
    whole = table("What happened, in order", heads, rows, whole=True)
    return joined([whole, note] if material.decisions else [whole])


def lost(material: Material) -> Html:
    """Exposures that never were counted."""
    rows = [
        [
            text.moment(loss.time),
            losses.exposures(loss),
            loss.node,
            loss.cause,
            f"by {loss.acknowledged_by}: {loss.note}" if loss.acknowledged_by else "not yet",
        ]
        for loss in material.results.losses
    ]
    if not rows:
        return element("p", "None are known.")
    heads = ["Found out", "Exposures", "At", "Why", "Acknowledged"]
    return table("Exposures that were lost before they could be counted", heads, rows)


def _phase(material: Material, phase: experiment_pb2.Phase) -> str:
    if material.is_of_the_verdict(phase):
        return "Traffic to the winner"
    return "Started" if phase.number == 1 else f"Shares changed (phase {phase.number})"


def _split(experiment: experiment_pb2.Experiment, phase: experiment_pb2.Phase) -> str:
    return ", ".join(
        f"{arm.id} {shares.percent(phase.weights_bp[arm.id])}" for arm in experiment.arms
    )


def _action(one: policies_pb2.Decision) -> str:
    word = text.enum_word(policies_pb2.DecisionAction.Name(one.action), "DECISION_ACTION_")
    return f"Decision {one.number}: {word} {one.winner}".strip() + (
        " (waits for a person)" if one.waits else ""
    )


def _moment(time_us: int) -> str:
    stamp = experiment_pb2.Phase().start_time
    stamp.FromMicroseconds(time_us)
    return text.moment(stamp)
