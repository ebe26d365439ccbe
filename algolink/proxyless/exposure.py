"""The line that a prediction leaves in the spool: the one that Envoy writes of it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from algolink.proxyless.routing import Decision

_HTTP_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a prediction.

    Attributes:
        grpc_status: number of the status that the caller saw.
        answered_version: the one that answered; 0 if none did.
        duration_us: from its beginning to its end.
    """

    grpc_status: int
    answered_version: int
    duration_us: int


def line(
    decision: Decision,
    outcome: Outcome,
    *,
    model: str,
    revision: str,
    request_id: str,
    time_us: int,
) -> bytes:
    """One line, with its end; `algolink.spool.lines` reads it.

    Args:
        revision: of the route that decided.
        time_us: when it began, since 1970.
    """
    fields = {
        "kind": "request",
        "request_id": request_id,
        "time_us": time_us,
        "model": model,
        "experiment": decision.experiment or None,
        "phase": decision.phase or None,
        "revision": revision,
        "arm": decision.arm or None,
        "unit": decision.unit or None,
        "assigned_version": decision.version,
        "answered_version": outcome.answered_version or None,
        "served_version": None,
        "http_status": _HTTP_OK,
        "grpc_status": outcome.grpc_status,
        "flags": None,
        "answered_us": outcome.duration_us,
        "duration_ms": outcome.duration_us // 1_000,
        "attempts": None,
        "upstream": None,
    }
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"
