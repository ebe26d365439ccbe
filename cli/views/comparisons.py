"""What is not the same in two versions."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table

from algolink.registry.v1 import registry_pb2
from algolink.registry.v1 import versions_pb2 as pb
from cli.views import models, text


def comparison(found: pb.Comparison) -> RenderableType:
    verdict = "can" if found.compatible else "cannot"
    sentence = f"{found.candidate} {verdict} stand in for {found.base}."
    return Group(sentence, _differences(found)) if found.differences else sentence


def _differences(found: pb.Comparison) -> Table:
    table = text.grid("BREAKING", "TENSOR", "BASE", "CANDIDATE", "WHY")
    for difference in found.differences:
        table.add_row(
            "yes" if difference.breaking else "no",
            difference.tensor,
            _tensor(difference.base),
            _tensor(difference.candidate),
            difference.explanation,
        )
    return table


def _tensor(spec: registry_pb2.TensorSpec) -> str:
    return models.tensors([spec]) if spec.name else text.NOTHING
