"""Exposures that were lost before they could be counted."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from algolink.experiment.v1 import losses_pb2 as pb
from cli.views import text


def losses(found: Sequence[pb.Loss]) -> Table:
    table = text.grid("LOST IN EXPERIMENT", "EXPOSURES", "ENVOY", "WHEN", "WHY", "ACKNOWLEDGED")
    for loss in found:
        table.add_row(
            loss.experiment.removeprefix("experiments/"),
            exposures(loss),
            loss.node,
            text.moment(loss.time),
            loss.cause,
            f"by {loss.acknowledged_by}" if loss.HasField("acknowledge_time") else "no",
        )
    return table


def exposures(loss: pb.Loss) -> str:
    return f"{'at least ' if loss.at_least else ''}{loss.exposures}"


def alarm(found: Sequence[pb.Loss]) -> str:
    """What keeps rules from acting, in one line; empty if nothing does."""
    if not found:
        return ""
    names = sorted({loss.experiment.removeprefix("experiments/") for loss in found})
    return (
        f"EXPOSURES WERE LOST in {', '.join(names)}: no rule concludes until you run "
        f"algolink experiment acknowledge-losses {names[0]}"
    )
