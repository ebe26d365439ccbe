"""A TrafficService in memory, for the clients and the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from algolink import errors
from algolink.router.v1 import traffic_pb2 as pb
from algolink.router.v1 import traffic_pb2_grpc
from algolink.router.v1.router_pb2 import Route, Split, SplitSegment

if TYPE_CHECKING:
    from tests.algolink_client.fakes import World


MISSING_VERSION = 404


class Traffic(traffic_pb2_grpc.TrafficServiceServicer):
    """Writes down what is decided; nothing else follows from it.

    Args:
        refuse: answers with an error.
    """

    def __init__(self, world: World, refuse: Any) -> None:
        self._world = world
        self._refuse = refuse
        self._events: dict[str, list[pb.TrafficEvent]] = {}

    def GetTraffic(self, request: pb.GetTrafficRequest, context: Any) -> pb.Traffic:
        self._world.called("GetTraffic", context)
        return self._present(request.model)

    def ShiftTraffic(self, request: pb.ShiftTrafficRequest, context: Any) -> pb.Traffic:
        decided = self._begun("ShiftTraffic", request, context)
        decided.shift.Clear()
        decided.shift.weights_bp.update(request.weights_bp)
        decided.shift.unit = request.unit or pb.SHIFT_UNIT_HEADER
        decided.shift.salt = f"shift-{request.model}-1"
        start = 0
        for version, weight_bp in sorted(request.weights_bp.items()):
            decided.shift.segments.add(
                start=start, end=start + weight_bp, arm=f"v{version}", version=version
            )
            start += weight_bp
        return self._decided(pb.TRAFFIC_ACTION_SHIFT, decided, request)

    def ClearShift(self, request: pb.ClearShiftRequest, context: Any) -> pb.Traffic:
        decided = self._begun("ClearShift", request, context)
        decided.ClearField("shift")
        return self._decided(pb.TRAFFIC_ACTION_CLEAR, decided, request)

    def SetRules(self, request: pb.SetRulesRequest, context: Any) -> pb.Traffic:
        decided = self._begun("SetRules", request, context)
        for number, override in enumerate(request.rules.overrides):
            if override.version == MISSING_VERSION:
                field = f"overrides[{number}].version"
                self._refuse(
                    context, errors.NotFound("VERSION_NOT_FOUND", "no such version", field=field)
                )
        decided.rules.CopyFrom(request.rules)
        decided.rules.revision = decided.revision
        return self._decided(pb.TRAFFIC_ACTION_SET_RULES, decided, request)

    def ClearRules(self, request: pb.ClearRulesRequest, context: Any) -> pb.Traffic:
        decided = self._begun("ClearRules", request, context)
        decided.ClearField("rules")
        return self._decided(pb.TRAFFIC_ACTION_CLEAR_RULES, decided, request)

    def KillVersion(self, request: pb.KillVersionRequest, context: Any) -> pb.Traffic:
        decided = self._begun("KillVersion", request, context)
        decided.killed.add(version=request.version, replacement=request.replacement or 1)
        return self._decided(pb.TRAFFIC_ACTION_KILL, decided, request, request.version)

    def ReviveVersion(self, request: pb.ReviveVersionRequest, context: Any) -> pb.Traffic:
        decided = self._begun("ReviveVersion", request, context)
        left = [k for k in decided.killed if k.version != request.version]
        del decided.killed[:]
        decided.killed.extend(left)
        return self._decided(pb.TRAFFIC_ACTION_REVIVE, decided, request, request.version)

    def FreezeTraffic(self, request: pb.FreezeTrafficRequest, context: Any) -> pb.Traffic:
        decided = self._begun("FreezeTraffic", request, context)
        decided.frozen = True
        return self._decided(pb.TRAFFIC_ACTION_FREEZE, decided, request)

    def UnfreezeTraffic(self, request: pb.UnfreezeTrafficRequest, context: Any) -> pb.Traffic:
        decided = self._begun("UnfreezeTraffic", request, context)
        decided.frozen = False
        return self._decided(pb.TRAFFIC_ACTION_UNFREEZE, decided, request)

    def ListTrafficHistory(
        self, request: pb.ListTrafficHistoryRequest, context: Any
    ) -> pb.ListTrafficHistoryResponse:
        self._world.called("ListTrafficHistory", context)
        split = Split(segments=[SplitSegment(start=0, end=10_000, arm="v1", version=1)])
        routed = Route(revision="0123456789abcdef", champion_version=1, split=split)
        routed.killed_versions.append(2)
        events = [
            *self._events.get(request.model, [])[::-1],
            pb.TrafficEvent(route=routed),
            pb.TrafficEvent(route_gone=True),
        ]
        return pb.ListTrafficHistoryResponse(events=events[: request.limit])

    def _present(self, model: str) -> pb.Traffic:
        events = self._events.get(model, [])
        traffic = pb.Traffic(model=model, etag="r0", live=self._world.live)
        if events:
            traffic.CopyFrom(events[-1].decision.traffic)
            traffic.live = self._world.live
        if not self._world.live:
            traffic.pending.append("shift: version 2 is not ready on r1 (loading)")
        return traffic

    def _begun(self, method: str, request: Any, context: Any) -> pb.Traffic:
        self._world.called(method, context)
        present = self._present(request.model)
        if request.etag and request.etag != present.etag:
            self._refuse(context, errors.Aborted("ETAG_MISMATCH", "the traffic has changed"))
        present.revision += 1
        present.etag = f"r{present.revision}"
        present.updated_by = "admin"
        return present

    def _decided(
        self, action: pb.TrafficAction, decided: pb.Traffic, request: Any, version: int = 0
    ) -> pb.Traffic:
        event = pb.TrafficEvent(
            decision=pb.TrafficDecision(
                action=action,
                version=version,
                caller="admin",
                reason=request.reason,
                traffic=decided,
            )
        )
        self._events.setdefault(request.model, []).append(event)
        return decided
