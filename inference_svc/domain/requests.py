"""What is asked of a model, and what it answers, on whichever transport."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from algolink.errors import InvalidArgument, Unimplemented
from algolink.names import shown
from inference_svc.domain.delivery import Delivery
from inference_svc.domain.parameters import Parameter
from inference_svc.domain.signature import Signature
from inference_svc.domain.tensors import Tensor

_NUMBER: Final = re.compile("[1-9][0-9]{0,17}")

_UNSUPPORTED: Final = {
    "sequence_id": "sequences",
    "sequence_start": "sequences",
    "sequence_end": "sequences",
}
"""Parameters that change the answer: to ignore them would be to answer wrongly."""

_OURS: Final = frozenset({"binary_data_output", "priority", "timeout", *_UNSUPPORTED})
_OURS_PREFIX: Final = "triton_"
"""Parameters that say how to answer, and are no part of the answer."""


@dataclass(frozen=True, slots=True)
class InferRequest:
    """One call of a model.

    Attributes:
        model: its id.
        version: number of the version to run; None for the champion.
        inputs: in the request's order.
        outputs: names of the outputs to answer with; empty for all.
        id: the caller's, echoed.
        parameters: the caller's, echoed.
        deliveries: how outputs are handed over, by name.
        delivery: how those are that `deliveries` does not name.
    """

    model: str
    version: int | None
    inputs: Sequence[Tensor]
    outputs: Sequence[str] = ()
    id: str = ""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    deliveries: Mapping[str, Delivery] = field(default_factory=dict)
    delivery: Delivery = Delivery()  # noqa: RUF009  a value, and frozen

    def delivery_of(self, output: str) -> Delivery:
        """How the output of that name is handed over."""
        return self.deliveries.get(output, self.delivery)


@dataclass(frozen=True, slots=True)
class InferResponse:
    """A model's answer.

    Attributes:
        version: number of the version that ran.
        outputs: in the order requested, or else the model's.
        labels: names of classes, by the output that holds their scores.
    """

    model: str
    version: int
    outputs: Sequence[Tensor]
    id: str
    parameters: Mapping[str, Parameter]
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    """What a model is.

    Attributes:
        model: its id.
        versions: numbers of the versions that are ready here, ascending.
        platform: name of the engine.
        signature: of the version asked for, or else the champion.
    """

    model: str
    versions: Sequence[int]
    platform: str
    signature: Signature


def parse_version(version: str) -> int | None:
    """The number of a version as a request spells it; None if it is empty.

    Raises:
        InvalidArgument: VERSION_INVALID.

    >>> parse_version("12"), parse_version("")
    (12, None)
    """
    if not version:
        return None
    if _NUMBER.fullmatch(version) is None:
        raise InvalidArgument(
            "VERSION_INVALID",
            f"{shown(version)} is not a version: versions are numbers from 1",
            version=shown(version),
        )
    return int(version)


def echoed(parameters: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """The parameters that the answer repeats: the caller's own.

    >>> echoed({"source": "app", "binary_data_output": True})
    {'source': 'app'}
    """
    return {
        name: value
        for name, value in parameters.items()
        if name not in _OURS and not name.startswith(_OURS_PREFIX)
    }


def check_parameters(of: str, parameters: Mapping[str, Parameter]) -> None:
    """Refuses parameters that this server cannot honour.

    Args:
        of: what they belong to, for the message.

    Raises:
        Unimplemented: PARAMETER_UNSUPPORTED.
    """
    for name in parameters:
        feature = _UNSUPPORTED.get(name)
        # Zero and empty mean "not used" for each of them.
        if feature is not None and parameters[name]:
            raise Unimplemented(
                "PARAMETER_UNSUPPORTED",
                f"{of} has parameter {name}, and this server does not offer {feature}",
                parameter=name,
            )
