"""What a fact must be to be taken."""

from __future__ import annotations

from collections.abc import Callable

from algolink import names, outcome_fields
from algolink.errors import AlgoLinkError, InvalidArgument, ResourceExhausted
from experiment_svc.domain.facts import Exposure, Kind, Outcome
from experiment_svc.domain.feedback import Feedback

MAX_BATCH = 10_000
MAX_TEXT = 256


def check_exposure(exposure: Exposure) -> None:
    """Checks one line.

    A request id is whatever identifies the request: the log must not block on
    how it is spelt.

    Raises:
        ValueError: with what is wrong.
    """
    _check_text("request_id", exposure.request_id, required=True)
    _check_text("model", exposure.model, required=True)
    _check_text("table_revision", exposure.table_revision)
    _check_text("response_flags", exposure.response_flags)
    least_attempt = 1 if exposure.kind is Kind.ATTEMPT else 0
    most_attempt = 2**31 - 1 if exposure.kind is Kind.ATTEMPT else 0
    _check_range("attempt", exposure.attempt, least_attempt, most_attempt)
    _check_range("assigned_version", exposure.assigned_version, 0, 2**62)
    _check_range("answered_version", exposure.answered_version, 0, 2**62)
    _check_range("http_status", exposure.http_status, 0, 999)
    _check_range("grpc_status", exposure.grpc_status or 0, 0, 2**31 - 1)
    _check_range("duration_us", exposure.duration_us, 0, 2**62)
    if exposure.experiment:
        _check_id("experiment", exposure.experiment, names.check_experiment_id)
        _check_id("arm", exposure.arm, names.check_arm_id)
        _check_unit(exposure.unit)
        _check_range("phase", exposure.phase, 1, 2**31 - 1)
    else:
        for name, value in (("arm", exposure.arm), ("unit", exposure.unit)):
            if value:
                raise ValueError(f"{name} is {names.shown(value)} without an experiment")
        _check_range("phase without an experiment", exposure.phase, 0, 0)


def check_outcome(outcome: Outcome) -> None:
    """Checks one outcome.

    Raises:
        ValueError: with what is wrong.
    """
    outcome_fields.check(
        event_id=outcome.event_id,
        unit=outcome.unit,
        metric=outcome.metric,
        value=outcome.value,
    )


def check_feedback(feedback: Feedback) -> None:
    """Checks what is said of one request.

    Raises:
        ValueError: with what is wrong.
    """
    _check_text("request_id", feedback.request_id, required=True)
    outcome_fields.check_value(feedback.metric, feedback.value)


def check_batch(size: int, what: str) -> None:
    """Refuses a batch that is too large.

    Raises:
        ResourceExhausted: BATCH_TOO_LARGE.
    """
    if size > MAX_BATCH:
        raise ResourceExhausted(
            "BATCH_TOO_LARGE",
            f"{size} {what} at once: at most {MAX_BATCH}",
            size=size,
            limit=MAX_BATCH,
        )


def invalid(index: int, what: str, why: object) -> InvalidArgument:
    """FACT_INVALID for the fact at `index` of its batch."""
    return InvalidArgument("FACT_INVALID", f"{what} {index}: {why}", index=index, cause=why)


def _check_text(name: str, value: str, *, required: bool = False) -> None:
    if required and not value:
        raise ValueError(f"{name} is empty")
    if len(value) > MAX_TEXT or not (value.isascii() and (value.isprintable() or not value)):
        raise ValueError(
            f"{name} is {names.shown(value)}: at most {MAX_TEXT} printable ASCII characters"
        )


def _check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise ValueError(f"{name} is {value}: it must be {least} to {most}")


def _check_unit(unit: str) -> None:
    if not names.is_unit(unit):
        raise ValueError(f"unit is {names.shown(unit)}: it must match {names.UNIT_PATTERN}")


def _check_id(name: str, value: str, check: Callable[[str], str]) -> None:
    try:
        check(value)
    except AlgoLinkError as error:
        raise ValueError(f"{name}: {error.message}") from error
