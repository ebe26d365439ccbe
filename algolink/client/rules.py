"""Rules of a model's requests, as an operator writes them.

>>> from algolink.audience import Condition, In
>>> french = Condition(attribute="country", test=In(("FR", "MC")))
>>> rules = Rules(
...     overrides={"tester-1": 3},
...     audiences=[Audience([french], version=2, name="french")],
...     holdout=Holdout(share_bp=500),
... )
>>> to_proto(rules).audiences[0].version
2
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from algolink import audience_proto
from algolink.audience import Condition
from algolink.client.calls import Call
from algolink.client.registry import model_name
from algolink.errors import InvalidArgument
from algolink.names import shown
from algolink.router.v1 import rules_pb2 as pb
from algolink.router.v1 import traffic_pb2

_SERVICE = "/algolink.router.v1.TrafficService"

FAILURES: dict[str, pb.RetryCondition] = {
    "connect-failure": pb.RETRY_CONDITION_CONNECT_FAILURE,
    "refused-stream": pb.RETRY_CONDITION_REFUSED_STREAM,
    "reset": pb.RETRY_CONDITION_RESET,
    "unavailable": pb.RETRY_CONDITION_UNAVAILABLE,
    "internal": pb.RETRY_CONDITION_INTERNAL,
    "resource-exhausted": pb.RETRY_CONDITION_RESOURCE_EXHAUSTED,
    "deadline-exceeded": pb.RETRY_CONDITION_DEADLINE_EXCEEDED,
}
"""What may be tried again, by name: for `Retries.on`."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Predictions that are routed by their attributes.

    Attributes:
        when: conditions that must all hold; 1 to 16.
        version: where they go; None to ask no further audience and go on with
            holdout, experiment, shift and champion.
        name: for people, 1 to 32 of `a-z0-9-`; may be empty.
    """

    when: Sequence[Condition]
    version: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdout:
    """Units that no experiment and no shift gets.

    Attributes:
        share_bp: in basis points, 1 to 10,000.
        layer: salt of their bucket; empty for the one that there is, or the model's.
    """

    share_bp: int
    layer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """A version that gets copies, and whose answers go nowhere.

    Attributes:
        share_bp: of the predictions, in basis points, 1 to 10,000.
    """

    version: int
    share_bp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long requests may take, in ms; 0 as without rules.

    Attributes:
        request_ms: with all attempts.
        attempt_ms: each attempt.
    """

    request_ms: int = 0
    attempt_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """What is tried again.

    Attributes:
        number: attempts after the first, 0 to 10.
        on: names of `FAILURES`; empty as without rules.
        backoff_ms: pause before the first retry; 0 as without rules.
        max_backoff_ms: what the pause does not grow beyond; 0 as without rules.
    """

    number: int
    on: Sequence[str] = ()
    backoff_ms: int = 0
    max_backoff_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one Envoy sends at once to each version but the champion; 0 as without rules."""

    requests: int = 0
    pending: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """All rules of one model; what is left out is as without rules.

    Attributes:
        overrides: version of units that go there whatever else is said.
        audiences: asked in order; the first that matches decides.
        fallback: who answers for an experiment's candidate that fails.
    """

    overrides: Mapping[str, int] = field(default_factory=dict)
    audiences: Sequence[Audience] = ()
    holdout: Holdout | None = None
    shadow: Shadow | None = None
    fallback: int | Literal["champion", "none"] = "champion"
    timeouts: Timeouts | None = None
    retries: Retries | None = None
    limits: Limits | None = None


def to_proto(rules: Rules) -> pb.Rules:
    """The message that says it.

    Raises:
        InvalidArgument: RULES_INVALID, for what no message holds; the rest is
            refused by the router.
    """
    try:
        return _to_proto(rules)
    except (TypeError, ValueError) as error:
        raise InvalidArgument("RULES_INVALID", f"these are no rules: {error}") from error


def _to_proto(rules: Rules) -> pb.Rules:
    message = pb.Rules(
        overrides=[pb.Override(unit=u, version=v) for u, v in rules.overrides.items()],
        audiences=[
            pb.Audience(
                name=each.name,
                conditions=[audience_proto.to_proto(condition) for condition in each.when],
                version=each.version or 0,
            )
            for each in rules.audiences
        ],
        fallback=_fallback(rules.fallback),
    )
    if (holdout := rules.holdout) is not None:
        message.holdout.CopyFrom(pb.Holdout(share_bp=holdout.share_bp, layer=holdout.layer))
    if (shadow := rules.shadow) is not None:
        message.shadow.CopyFrom(pb.Shadow(version=shadow.version, share_bp=shadow.share_bp))
    if (spans := rules.timeouts) is not None:
        message.timeouts.CopyFrom(
            pb.Timeouts(request_ms=spans.request_ms, attempt_ms=spans.attempt_ms)
        )
    if (limits := rules.limits) is not None:
        message.limits.CopyFrom(pb.Limits(requests=limits.requests, pending=limits.pending))
    if (retries := rules.retries) is not None:
        message.retries.CopyFrom(
            pb.Retries(
                number=retries.number,
                on=[_failure(name) for name in retries.on],
                backoff_ms=retries.backoff_ms,
                max_backoff_ms=retries.max_backoff_ms,
            )
        )
    return message


def set_rules(
    model: str, rules: Rules | pb.Rules, *, etag: str, reason: str
) -> Call[traffic_pb2.Traffic]:
    request = traffic_pb2.SetRulesRequest(
        model=model_name(model).model,
        rules=to_proto(rules) if isinstance(rules, Rules) else rules,
        etag=etag,
        reason=reason,
    )
    return Call(
        path=f"{_SERVICE}/SetRules",
        request=request,
        reply=traffic_pb2.Traffic,
        idempotent=not etag,
    )


def clear_rules(model: str, *, etag: str, reason: str) -> Call[traffic_pb2.Traffic]:
    request = traffic_pb2.ClearRulesRequest(model=model_name(model).model, etag=etag, reason=reason)
    return Call(
        path=f"{_SERVICE}/ClearRules",
        request=request,
        reply=traffic_pb2.Traffic,
        idempotent=not etag,
    )


def _fallback(fallback: int | str) -> pb.Fallback | None:
    if fallback == "champion":
        return None
    if fallback == "none":
        return pb.Fallback(none=True)
    if isinstance(fallback, int):
        return pb.Fallback(version=fallback)
    raise ValueError(f"fallback {shown(fallback)} is not champion, none or a version")


def _failure(name: str) -> pb.RetryCondition:
    if name not in FAILURES:
        raise ValueError(f"{shown(name)} is no failure to retry on: {', '.join(FAILURES)}")
    return FAILURES[name]
