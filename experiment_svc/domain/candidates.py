"""Whether versions may be compared: a client of one must be served by the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from algolink.errors import FailedPrecondition
from algolink.names import ModelName, VersionName
from experiment_svc.domain.design import Arm


@dataclass(frozen=True, slots=True)
class Tensor:
    """Type and shape of one input or output; -1 in the shape takes any size."""

    datatype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.datatype}{list(self.shape)}"


@dataclass(frozen=True, slots=True)
class Signature:
    """Inputs and outputs of a version by name: their order is of no matter to a client."""

    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]


def check_champion(model: ModelName, control: Arm, champion: int) -> None:
    """Checks that the control is what the model's other requests get.

    Args:
        champion: number of the champion's version; 0 if there is none.

    Raises:
        FailedPrecondition: CONTROL_NOT_CHAMPION.
    """
    if control.version != champion:
        raise FailedPrecondition(
            "CONTROL_NOT_CHAMPION",
            f"the control {control.id} is version {control.version}, the champion of {model} is "
            f"version {champion}: the first arm must be the champion",
            model=model,
            control=control.version,
            champion=champion,
        )


def check_signatures(model: ModelName, signatures: Mapping[int, Signature], control: int) -> None:
    """Checks that all versions take and give what the control does.

    Args:
        signatures: by version number.
        control: number of the control's version.

    Raises:
        FailedPrecondition: SIGNATURE_MISMATCH, with the first tensor that differs.
    """
    expected = signatures[control]
    for number, signature in signatures.items():
        for what, own, controls in (
            ("input", signature.inputs, expected.inputs),
            ("output", signature.outputs, expected.outputs),
        ):
            for tensor in sorted(own.keys() | controls.keys()):
                if own.get(tensor) != controls.get(tensor):
                    version = VersionName(model.model, number)
                    raise FailedPrecondition(
                        "SIGNATURE_MISMATCH",
                        f"{what} {tensor} of {version} is {own.get(tensor, 'missing')}, of the "
                        f"control, version {control}, it is {controls.get(tensor, 'missing')}",
                        version=version,
                        tensor=tensor,
                    )
