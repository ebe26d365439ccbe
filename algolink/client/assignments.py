"""The calls that say who is in which arm."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from algolink.client.calls import Call
from algolink.client.experiments import experiment_name
from algolink.experiment.v1 import assignment_pb2 as pb

BATCH_UNITS = 50_000
"""Per call; the service takes at most 100,000."""

_SERVICE = "/algolink.experiment.v1.AssignmentService"


def one(experiment: str, unit: str) -> Call[pb.Assignment]:
    """The call that explains where a unit is."""
    return Call(
        path=f"{_SERVICE}/Assign",
        request=pb.AssignRequest(experiment=experiment_name(experiment), unit=unit),
        reply=pb.Assignment,
    )


def many(
    experiment: str, units: Iterable[str]
) -> Iterator[tuple[Sequence[str], Call[pb.AssignUnitsResponse]]]:
    """Batches of `units`, in order, each with the call that says where they are."""
    name, waiting = experiment_name(experiment), iter(units)
    while batch := list(islice(waiting, BATCH_UNITS)):
        yield (
            batch,
            Call(
                path=f"{_SERVICE}/AssignUnits",
                request=pb.AssignUnitsRequest(experiment=name, units=batch),
                reply=pb.AssignUnitsResponse,
            ),
        )


def arms(response: pb.AssignUnitsResponse) -> list[str]:
    """Arm of each unit; "" for what is no unit and is in none."""
    ids = [arm.id for arm in response.arms]
    return [ids[index] if index >= 0 else "" for index in response.arm_indexes]
