"""Rules of operators to values and back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from algolink import audience_proto
from algolink.errors import InvalidArgument
from algolink.router.v1 import rules_pb2 as pb
from mesh import attempts, selection
from mesh.attempts import Failure, Handling, Limits, Retries
from mesh.table import Audience, Holdout, ModelRoute, Shadow
from router_svc.domain.rules import NO_RULES, Rules, of_route

_FAILURES = {
    pb.RETRY_CONDITION_CONNECT_FAILURE: Failure.CONNECT,
    pb.RETRY_CONDITION_REFUSED_STREAM: Failure.REFUSED,
    pb.RETRY_CONDITION_RESET: Failure.RESET,
    pb.RETRY_CONDITION_UNAVAILABLE: Failure.UNAVAILABLE,
    pb.RETRY_CONDITION_INTERNAL: Failure.INTERNAL,
    pb.RETRY_CONDITION_RESOURCE_EXHAUSTED: Failure.EXHAUSTED,
    pb.RETRY_CONDITION_DEADLINE_EXCEEDED: Failure.LATE,
}
_FAILURES_TO_PROTO = {failure: number for number, failure in _FAILURES.items()}


def rules_from_proto(message: pb.Rules, *, layer: str) -> Rules:
    """Rules as an operator sends them.

    Args:
        layer: of a holdout that names none.

    Raises:
        InvalidArgument: RULES_INVALID or CONDITION_INVALID, saying in which `field`.
    """
    fallback = message.fallback
    if fallback.none and fallback.version:
        raise _invalid("fallback", "give either none or a version")
    rules = Rules(
        overrides=_overrides(message.overrides),
        audiences=_audiences(message.audiences),
        holdout=_holdout(message.holdout, layer) if message.HasField("holdout") else None,
        shadow=_shadow(message.shadow) if message.HasField("shadow") else None,
        falls_back=not fallback.none,
        fallback=fallback.version or None,
        handling=_handling(message),
    )
    if rules == NO_RULES:
        raise _invalid("rules", "they say nothing: to have none, clear them")
    return rules


def rules_to_proto(rules: Rules) -> pb.Rules:
    """All that is said, and nothing that is as without rules."""
    message = pb.Rules(
        overrides=[pb.Override(unit=u, version=v) for u, v in rules.overrides.items()],
        audiences=[_audience_to_proto(each) for each in rules.audiences],
        fallback=None
        if rules.falls_back and rules.fallback is None
        else pb.Fallback(none=not rules.falls_back, version=rules.fallback or 0),
        revision=rules.revision,
    )
    if rules.holdout is not None:
        message.holdout.CopyFrom(
            pb.Holdout(share_bp=rules.holdout.share_bp, layer=rules.holdout.layer)
        )
    if rules.shadow is not None:
        message.shadow.CopyFrom(
            pb.Shadow(version=rules.shadow.version, share_bp=rules.shadow.share_bp)
        )
    _handling_to_proto(rules.handling, message)
    return message


def route_rules_to_proto(route: ModelRoute) -> pb.Rules | None:
    """Rules as they are routed; `None` if there are none."""
    return rules_to_proto(of_route(route)) if route.rules_revision else None


def _overrides(messages: Iterable[pb.Override]) -> dict[str, int]:
    overrides: dict[str, int] = {}
    for number, override in enumerate(messages):
        with _at(f"overrides[{number}].unit"):
            selection.check_overrides({override.unit: override.version})
            if override.unit in overrides:
                raise ValueError(f"{override.unit} is overridden before")
        overrides[override.unit] = override.version
    with _at("overrides"):
        selection.check_overrides(overrides)
    return overrides


def _audiences(messages: Iterable[pb.Audience]) -> tuple[Audience, ...]:
    audiences = tuple(
        _audience(f"audiences[{number}]", message) for number, message in enumerate(messages)
    )
    with _at("audiences"):
        selection.check_audiences(audiences)
    return audiences


def _audience(field: str, message: pb.Audience) -> Audience:
    conditions = []
    for number, condition in enumerate(message.conditions):
        with _at(f"{field}.conditions[{number}]"):
            conditions.append(audience_proto.from_proto(condition))
    with _at(field):
        return Audience(
            name=message.name, conditions=tuple(conditions), version=message.version or None
        )


def _holdout(message: pb.Holdout, layer: str) -> Holdout:
    with _at("holdout"):
        return Holdout(share_bp=message.share_bp, layer=message.layer or layer)


def _shadow(message: pb.Shadow) -> Shadow:
    with _at("shadow"):
        return Shadow(version=message.version, share_bp=message.share_bp)


def _handling(message: pb.Rules) -> Handling:
    plain = attempts.PLAIN
    retries = _retries(message.retries) if message.HasField("retries") else plain.retries
    limits = _limits(message.limits) if message.HasField("limits") else plain.limits
    with _at("timeouts"):
        return Handling(
            timeout_ms=message.timeouts.request_ms or plain.timeout_ms,
            attempt_timeout_ms=message.timeouts.attempt_ms or None,
            retries=retries,
            limits=limits,
        )


def _retries(message: pb.Retries) -> Retries:
    plain = attempts.PLAIN.retries
    backoff_ms = message.backoff_ms or plain.backoff_ms
    with _at("retries"):
        for condition in message.on:
            if condition not in _FAILURES:
                raise ValueError(f"{condition} is no condition to retry on")
        on = {_FAILURES[condition] for condition in message.on}
        return Retries(
            number=message.number,
            on=tuple(failure for failure in Failure if failure in on) or plain.on,
            backoff_ms=backoff_ms,
            max_backoff_ms=message.max_backoff_ms or max(plain.max_backoff_ms, backoff_ms),
        )


def _limits(message: pb.Limits) -> Limits:
    requests = message.requests or attempts.PLAIN.limits.requests
    with _at("limits"):
        return Limits(requests=requests, pending=message.pending or requests)


def _audience_to_proto(each: Audience) -> pb.Audience:
    return pb.Audience(
        name=each.name,
        conditions=[audience_proto.to_proto(condition) for condition in each.conditions],
        version=each.version or 0,
    )


def _handling_to_proto(handling: Handling, message: pb.Rules) -> None:
    plain = attempts.PLAIN
    if handling.timeout_ms != plain.timeout_ms or handling.attempt_timeout_ms is not None:
        message.timeouts.request_ms = handling.timeout_ms
        message.timeouts.attempt_ms = handling.attempt_timeout_ms or 0
    if handling.retries != plain.retries:
        retries = handling.retries
        message.retries.CopyFrom(
            pb.Retries(
                number=retries.number,
                on=[_FAILURES_TO_PROTO[failure] for failure in retries.on],
                backoff_ms=retries.backoff_ms,
                max_backoff_ms=retries.max_backoff_ms,
            )
        )
    if handling.limits != plain.limits:
        limits = handling.limits
        message.limits.CopyFrom(pb.Limits(requests=limits.requests, pending=limits.pending))


@contextlib.contextmanager
def _at(field: str) -> Iterator[None]:
    """Says with what is refused within where that was."""
    try:
        yield
    except InvalidArgument as error:
        raise InvalidArgument(
            error.reason, f"{field}: {error.message}", **error.metadata, field=field
        ) from error
    except ValueError as error:
        raise _invalid(field, str(error)) from error


def _invalid(field: str, why: str) -> InvalidArgument:
    return InvalidArgument("RULES_INVALID", f"{field}: {why}", field=field, cause=why)
