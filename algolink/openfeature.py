"""OpenFeature provider that evaluates experiments in the caller's own process.

    from openfeature import api
    from algolink.openfeature import AlgoLinkProvider

    api.set_provider_and_wait(AlgoLinkProvider())
    arm = api.get_client().get_string_value("iris-2", "champion", EvaluationContext("user-1"))

Needs the extra `algolink[openfeature]`. Evaluating a flag is no exposure.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from typing import NoReturn

from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEventDetails
from openfeature.exception import (
    FlagNotFoundError,
    GeneralError,
    InvalidContextError,
    ProviderNotReadyError,
    TargetingKeyMissingError,
    TypeMismatchError,
)
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType, Reason
from openfeature.provider import AbstractProvider, Metadata

from algolink.assignment import Standing, assign
from algolink.client.connection import resolve
from algolink.client.plan_feed import PlanFeed
from algolink.errors import FailedPrecondition, InvalidArgument

_REASONS = {Standing.SPLIT: Reason.SPLIT, Standing.SETTLED: Reason.STATIC}


class AlgoLinkProvider(AbstractProvider):
    """A flag is an experiment, its value the id of the unit's arm, a string.

    It follows all experiments and asks nobody during an evaluation. While the
    service is away the last known tables count, and the provider is STALE. An
    experiment that is not running, and not concluded, is DISABLED: the default counts.

    Connects as `algolink.client.Client` does; see there.

    Args:
        ready_timeout_s: how long `initialize` waits for the experiments.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        token: str | None = None,
        data_dir: str | os.PathLike[str] | None = None,
        ready_timeout_s: float = 10.0,
    ) -> None:
        super().__init__()
        self._ready_timeout_s = ready_timeout_s
        self._ready = threading.Event()
        self._lost = ""
        self._feed = PlanFeed(
            resolve(endpoint, token=token, data_dir=data_dir),
            on_change=self._changed,
            on_synced=self._synced,
            on_lost=self._is_lost,
        )

    def get_metadata(self) -> Metadata:
        """Its name."""
        return Metadata(name="AlgoLink")

    def initialize(self, evaluation_context: EvaluationContext) -> None:
        """Returns once every experiment is known.

        Raises:
            ProviderNotReadyError: if that takes too long; says why.
        """
        self._feed.start()
        if not self._ready.wait(self._ready_timeout_s):
            self._feed.close()
            raise ProviderNotReadyError(
                self._lost or f"no experiments within {self._ready_timeout_s:g} s"
            )

    def shutdown(self) -> None:
        """Stops to follow."""
        self._feed.close()

    def resolve_string_details(
        self,
        flag_key: str,
        default_value: str,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[str]:
        """The arm of the context's targeting key, which is the unit."""
        plan = self._feed.plans.get(flag_key)
        if plan is None:
            raise FlagNotFoundError(f"there is no experiment {flag_key!r}")
        unit = evaluation_context.targeting_key if evaluation_context else None
        if not unit:
            raise TargetingKeyMissingError(
                "the context needs a targeting key: the unit, as sent in x-algolink-unit"
            )
        if plan.standing is Standing.OFF:
            return FlagResolutionDetails(
                value=default_value,
                reason=Reason.DISABLED,
                flag_metadata={"revision": plan.revision},
            )
        try:
            found = assign(plan, unit)
        except InvalidArgument as error:
            raise InvalidContextError(error.message) from error
        except FailedPrecondition as error:
            raise GeneralError(error.message) from error
        return FlagResolutionDetails(
            value=found.arm,
            variant=found.arm,
            reason=_REASONS[found.standing],
            flag_metadata={
                "version": found.version,
                "bucket": found.bucket,
                "phase": plan.phase,
                "revision": plan.revision,
            },
        )

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[bool]:
        """Always a type mismatch: an arm is a string."""
        _mismatch(flag_key)

    def resolve_integer_details(
        self,
        flag_key: str,
        default_value: int,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[int]:
        """Always a type mismatch: an arm is a string."""
        _mismatch(flag_key)

    def resolve_float_details(
        self,
        flag_key: str,
        default_value: float,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[float]:
        """Always a type mismatch: an arm is a string."""
        _mismatch(flag_key)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """Always a type mismatch: an arm is a string."""
        _mismatch(flag_key)

    def _changed(self, keys: list[str]) -> None:
        self.emit_provider_configuration_changed(ProviderEventDetails(flags_changed=keys))

    def _synced(self) -> None:
        if self._ready.is_set():
            self.emit_provider_ready(ProviderEventDetails())
        self._ready.set()

    def _is_lost(self, reason: str) -> None:
        self._lost = reason
        if self._ready.is_set():
            self.emit_provider_stale(ProviderEventDetails(message=reason))


def _mismatch(flag_key: str) -> NoReturn:
    raise TypeMismatchError(f"{flag_key!r} is an experiment, whose value is a string: its arm")
