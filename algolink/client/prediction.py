"""What a prediction is, whatever protocol brought it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:  # numpy would be most of the time that importing the client takes
    import numpy.typing as npt

    from algolink.client.tensors import Array

Inputs: TypeAlias = "npt.ArrayLike | Mapping[str, npt.ArrayLike]"
"""The value of a model's only input, or values by the input's name."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prediction:
    """An answer, and who gave it.

    Attributes:
        model: id of the model.
        outputs: arrays by the output's name, in the model's order.
        version: number of the version that answered.
        arm: arm that the unit is assigned to; empty outside an experiment.
        experiment: id of the experiment; empty outside one.
        request_id: minted by Envoy; the key of the exposure.
    """

    model: str
    outputs: Mapping[str, Array]
    version: int
    arm: str
    experiment: str
    request_id: str

    @property
    def output(self) -> Array:
        """The first output."""
        return next(iter(self.outputs.values()))


@dataclass(frozen=True, slots=True)
class Takes:
    """Datatype of each input of a model, in its order."""

    datatypes: Mapping[str, str]
