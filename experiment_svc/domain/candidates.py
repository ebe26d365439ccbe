"""Whether versions may be compared: a client of one must be served by the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from algolink.errors import FailedPrecondition
from algolink.names import ModelName, VersionName
from experiment_svc.domain.design import Arm


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


def check_states(model: ModelName, retired: Mapping[int, str]) -> None:
    """Checks that every version may be routed.

    Args:
        retired: state, for people, by number of the versions that are retired.

    Raises:
        FailedPrecondition: VERSION_RETIRED, for the first of them.
    """
    for number, state in sorted(retired.items()):
        version = VersionName(model.model, number)
        raise FailedPrecondition(
            "VERSION_RETIRED", f"{version} is {state}: restore it first", version=version
        )


def check_compatible(
    model: ModelName, breaking: Mapping[int, Sequence[str]], control: int, *, forced: bool
) -> None:
    """Checks that every version can answer the control's callers.

    Args:
        breaking: by number, what a caller of the control could fail on, in words.
        control: number of the control's version.
        forced: whether somebody said that it does not matter.

    Raises:
        FailedPrecondition: SIGNATURE_MISMATCH, with all differences of the first
            version that has any.
    """
    if forced:
        return
    for number, differences in sorted(breaking.items()):
        if differences:
            version = VersionName(model.model, number)
            raise FailedPrecondition(
                "SIGNATURE_MISMATCH",
                f"{version} cannot stand in for the control, version {control}: "
                f"{'; '.join(differences)} (allow_incompatible starts it all the same)",
                version=version,
                control=control,
            )
