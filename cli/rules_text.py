"""Rules as a file that can be changed and set again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from algolink import audience, audience_proto
from algolink.client.rules import FAILURES
from algolink.router.v1 import rules_pb2 as pb
from cli import shares

_NAMES = {number: name for name, number in FAILURES.items()}


def render(rules: pb.Rules) -> str:
    """YAML that `rules_file.parse` reads as the same rules."""
    return yaml.safe_dump(dict(_keys(rules)), sort_keys=False, allow_unicode=True)


def _keys(rules: pb.Rules) -> Iterator[tuple[str, Any]]:
    if rules.overrides:
        yield "overrides", {each.unit: each.version for each in rules.overrides}
    if rules.audiences:
        yield "audiences", [_audience(each) for each in rules.audiences]
    if rules.HasField("holdout"):
        layer = {"layer": rules.holdout.layer} if rules.holdout.layer else {}
        yield "holdout", {"share": shares.percent(rules.holdout.share_bp), **layer}
    if rules.HasField("shadow"):
        share = shares.percent(rules.shadow.share_bp)
        yield "shadow", {"version": rules.shadow.version, "share": share}
    if rules.HasField("fallback"):
        yield "fallback", "none" if rules.fallback.none else rules.fallback.version or "champion"
    if rules.HasField("timeouts"):
        yield (
            "timeouts",
            _spans(request=rules.timeouts.request_ms, attempt=rules.timeouts.attempt_ms),
        )
    if rules.HasField("retries"):
        failures = [_NAMES[condition] for condition in rules.retries.on]
        yield (
            "retries",
            {
                "number": rules.retries.number,
                **({"failures": failures} if failures else {}),
                **_spans(
                    backoff=rules.retries.backoff_ms, max_backoff=rules.retries.max_backoff_ms
                ),
            },
        )
    if rules.HasField("limits"):
        limits = {"requests": rules.limits.requests, "pending": rules.limits.pending}
        yield "limits", {key: value for key, value in limits.items() if value}


def _audience(each: pb.Audience) -> dict[str, Any]:
    when = [audience.to_json(audience_proto.from_proto(condition)) for condition in each.conditions]
    return {
        **({"name": each.name} if each.name else {}),
        "when": when,
        **({"version": each.version} if each.version else {"continue": True}),
    }


def _spans(**spans_ms: int) -> dict[str, str]:
    return {name: f"{span_ms}ms" for name, span_ms in spans_ms.items() if span_ms}
