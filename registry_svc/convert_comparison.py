"""Comparisons of versions as messages."""

from __future__ import annotations

from collections.abc import Sequence

from algolink.names import VersionName
from algolink.registry.v1 import versions_pb2 as pb
from registry_svc import convert
from registry_svc.domain.compatibility import Difference


def comparison_to_proto(
    base: VersionName, candidate: VersionName, differences: Sequence[Difference]
) -> pb.Comparison:
    return pb.Comparison(
        base=str(base),
        candidate=str(candidate),
        compatible=not any(difference.breaking for difference in differences),
        differences=[_difference_to_proto(difference) for difference in differences],
    )


def _difference_to_proto(difference: Difference) -> pb.Difference:
    return pb.Difference(
        kind=f"DIFFERENCE_KIND_{difference.side}_{difference.change}",
        tensor=difference.tensor,
        base=convert.tensor_to_proto(difference.base) if difference.base else None,
        candidate=convert.tensor_to_proto(difference.candidate) if difference.candidate else None,
        breaking=difference.breaking,
        explanation=difference.explanation,
    )
