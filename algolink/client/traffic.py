"""Calls that decide about a model's traffic, and the state that is worth waiting for."""

from __future__ import annotations

from collections.abc import Mapping

from algolink.client.calls import Call, Wait
from algolink.client.registry import model_name
from algolink.errors import DeadlineExceeded, InvalidArgument
from algolink.names import shown
from algolink.router.v1 import traffic_pb2 as pb

_SERVICE = "/algolink.router.v1.TrafficService"

UNITS: dict[str, pb.ShiftUnit] = {
    "header": pb.SHIFT_UNIT_HEADER,
    "request": pb.SHIFT_UNIT_REQUEST,
}


def get(model: str) -> Call[pb.Traffic]:
    return Call(
        path=f"{_SERVICE}/GetTraffic",
        request=pb.GetTrafficRequest(model=model_name(model).model),
        reply=pb.Traffic,
    )


def shift(
    model: str, weights_bp: Mapping[int, int], *, unit: str | None, etag: str, reason: str
) -> Call[pb.Traffic]:
    """The call that shifts.

    Raises:
        InvalidArgument: UNIT_INVALID, or WEIGHTS_INVALID for what no message holds.
    """
    if unit is not None and unit not in UNITS:
        raise InvalidArgument(
            "UNIT_INVALID", f"unit {shown(unit)} is not one of {', '.join(UNITS)}", value=unit
        )
    for version, weight_bp in weights_bp.items():
        if not 0 < version < 2**62 or not 0 <= weight_bp <= 10_000:
            raise InvalidArgument(
                "WEIGHTS_INVALID",
                f"version {version} cannot get {weight_bp}: weights are 0 to 10000 basis points "
                "of versions from 1",
                version=version,
                weight_bp=weight_bp,
            )
    return Call(
        path=f"{_SERVICE}/ShiftTraffic",
        request=pb.ShiftTrafficRequest(
            model=model_name(model).model,
            weights_bp=dict(weights_bp),
            unit=UNITS[unit] if unit else pb.SHIFT_UNIT_UNSPECIFIED,
            etag=etag,
            reason=reason,
        ),
        reply=pb.Traffic,
        idempotent=not etag,
    )


def clear(model: str, *, etag: str, reason: str) -> Call[pb.Traffic]:
    request = pb.ClearShiftRequest(model=model_name(model).model, etag=etag, reason=reason)
    return Call(
        path=f"{_SERVICE}/ClearShift", request=request, reply=pb.Traffic, idempotent=not etag
    )


def kill(
    model: str, version: int, *, replacement: int | None, etag: str, reason: str
) -> Call[pb.Traffic]:
    return Call(
        path=f"{_SERVICE}/KillVersion",
        request=pb.KillVersionRequest(
            model=model_name(model).model,
            version=version,
            replacement=replacement or 0,
            etag=etag,
            reason=reason,
        ),
        reply=pb.Traffic,
        idempotent=not etag,
    )


def revive(model: str, version: int, *, etag: str, reason: str) -> Call[pb.Traffic]:
    return Call(
        path=f"{_SERVICE}/ReviveVersion",
        request=pb.ReviveVersionRequest(
            model=model_name(model).model, version=version, etag=etag, reason=reason
        ),
        reply=pb.Traffic,
        idempotent=not etag,
    )


def freeze(model: str, *, etag: str, reason: str) -> Call[pb.Traffic]:
    request = pb.FreezeTrafficRequest(model=model_name(model).model, etag=etag, reason=reason)
    return Call(
        path=f"{_SERVICE}/FreezeTraffic", request=request, reply=pb.Traffic, idempotent=not etag
    )


def unfreeze(model: str, *, etag: str, reason: str) -> Call[pb.Traffic]:
    request = pb.UnfreezeTrafficRequest(model=model_name(model).model, etag=etag, reason=reason)
    return Call(
        path=f"{_SERVICE}/UnfreezeTraffic", request=request, reply=pb.Traffic, idempotent=not etag
    )


def history(model: str, *, limit: int) -> Call[pb.ListTrafficHistoryResponse]:
    return Call(
        path=f"{_SERVICE}/ListTrafficHistory",
        request=pb.ListTrafficHistoryRequest(model=model_name(model).model, limit=limit),
        reply=pb.ListTrafficHistoryResponse,
    )


def is_live(decided: pb.Traffic) -> Wait[pb.Traffic]:
    """Until every Envoy does what was decided, or what was decided later."""

    def late(last: pb.Traffic | None, waited_s: float) -> DeadlineExceeded:
        pending = " ".join(last.pending) if last is not None else ""
        why = f": {pending}" if pending else ""
        return DeadlineExceeded(
            "ROUTE_NOT_LIVE",
            f"what was decided about {decided.model} is not routed after {waited_s:g} s{why}",
            waited_s=waited_s,
        )

    return Wait(
        call=get(decided.model),
        done=lambda seen: seen.live and seen.revision >= decided.revision,
        late=late,
    )
