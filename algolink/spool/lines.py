"""A line of Envoy's log as an exposure. Pure."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf import timestamp_pb2

from algolink.experiment.v1 import facts_pb2

_REQUEST_ID_LENGTH = 36

_KINDS = {
    "request": facts_pb2.EXPOSURE_KIND_REQUEST,
    "attempt": facts_pb2.EXPOSURE_KIND_ATTEMPT,
    "shadow": facts_pb2.EXPOSURE_KIND_SHADOW,
}


class MalformedLine(ValueError):
    """A line that Envoy did not write whole, or that we did not ask for."""


def exposure(line: bytes) -> facts_pb2.Exposure:
    """What a line of `mesh.exposure_log` tells of: a request, an attempt or a shadow.

    Raises:
        MalformedLine: saying what is wrong with it.
    """
    try:
        fields = json.loads(line)
    except ValueError as error:
        raise MalformedLine(f"not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise MalformedLine("not a JSON object")
    return exposure_of(fields)


def whole_tail(line: bytes) -> bytes:
    """The line that stands behind a torn one, as after a disk was full; empty if none does.

    Lines are objects without others in them, and quotes in their values are
    escaped, so an object begins only where a line does.
    """
    begin = line.rfind(b'{"')
    return line[begin:] if begin > 0 else b""


def experiment_of(found: facts_pb2.Exposure) -> str:
    """Id of the experiment that a line is an exposure to; empty if it is none."""
    if found.kind != facts_pb2.EXPOSURE_KIND_REQUEST:
        return ""
    return found.experiment.removeprefix("experiments/")


def exposure_of(fields: dict[str, Any]) -> facts_pb2.Exposure:
    """What the fields of a line tell of.

    Raises:
        MalformedLine: saying what is wrong with them.
    """
    try:
        return _exposure(fields)
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedLine(f"{type(error).__name__}: {error}") from error


def _exposure(fields: dict[str, Any]) -> facts_pb2.Exposure:
    request_id = fields["request_id"]
    if not isinstance(request_id, str) or len(request_id) != _REQUEST_ID_LENGTH:
        raise ValueError(f"request_id is {request_id!r}")
    model = fields["model"]
    if not model:
        raise ValueError("no model")
    experiment = fields["experiment"]
    flags = fields["flags"]
    kind = _KINDS[fields.get("kind", "request")]
    found = facts_pb2.Exposure(
        request_id=request_id,
        kind=kind,
        attempt=int(fields["attempt"]) if kind == facts_pb2.EXPOSURE_KIND_ATTEMPT else 0,
        time=_time(int(fields["time_us"])),
        model=model,
        experiment=f"experiments/{experiment}" if experiment else "",
        phase=int(fields["phase"] or 0),
        table_revision=fields["revision"] or "",
        arm=fields["arm"] or "",
        assigned_version=int(fields["assigned_version"] or 0),
        answered_version=int(
            fields["served_version"] or fields.get("web_version") or fields["answered_version"] or 0
        ),
        # An attempt's line has the unit that was sent, whether or not it was assigned.
        unit=(fields["unit"] or "") if experiment else "",
        http_status=int(fields["http_status"] or 0),
        response_flags="" if flags in (None, "-") else flags,
        duration_us=_duration_us(fields),
    )
    status = _grpc_status(fields)
    if status is not None:
        found.grpc_status = int(status)
    return found


def _grpc_status(fields: dict[str, Any]) -> Any:
    """What a gRPC client saw, or a gRPC-Web client; None for one of REST, or that left."""
    if (fields.get("content_type") or "").startswith("application/grpc-web"):
        return fields.get("web_status")
    return fields["grpc_status"]


def _time(since_epoch_us: int) -> timestamp_pb2.Timestamp:
    time = timestamp_pb2.Timestamp()
    time.FromMicroseconds(since_epoch_us)
    return time


def _duration_us(fields: dict[str, Any]) -> int:
    """To the last byte sent, or to the end if the client left before it."""
    answered_us = fields["answered_us"]
    return int(answered_us) if answered_us is not None else 1_000 * int(fields["duration_ms"] or 0)
