"""What a route says about the requests that it takes: context for assign.lua.

The filter reads it from the route that was chosen, so it is known from the
moment of assignment, whatever becomes of the request.
"""

from __future__ import annotations

from collections.abc import Mapping

from envoy.extensions.filters.http.lua.v3 import lua_pb2
from google.protobuf import any_pb2

from mesh import fallback, names, table
from mesh.forwarding import Call


def explicit(route: table.ModelRoute, version: int, call: Call) -> dict[str, any_pb2.Any]:
    """For calls of one kind that name `version` themselves."""
    return _context(call, {"version": str(version), "revision": route.revision})


def champion(route: table.ModelRoute, call: Call) -> dict[str, any_pb2.Any]:
    """For calls of one kind that name no version and are in no experiment."""
    return explicit(route, route.champion, call)


def arm(
    route: table.ModelRoute, split: table.Split, arm_id: str, call: Call
) -> dict[str, any_pb2.Any]:
    """For calls of one kind that `split` assigned to `arm_id`.

    Those of a shift are no exposures.
    """
    version = route.unkilled(split.versions[arm_id])
    if not split.experiment:
        return explicit(route, version, call)
    values: dict[str, str | Mapping[str, str]] = {
        "version": str(version),
        "revision": route.revision,
        "experiment": split.experiment,
        "phase": str(split.phase),
        "arm": arm_id,
        "unit": "request" if split.per_request else "header",
    }
    if falls_back(route, split, arm_id, call):
        assert split.fallback is not None  # noqa: S101 - falls_back says so
        values["plan"] = fallback.plan(route, split, arm_id)
        values["headers"] = fallback.retry_headers(route, split.fallback, call.wire)
    return _context(call, values)


def falls_back(route: table.ModelRoute, split: table.Split, arm_id: str, call: Call) -> bool:
    """Whether another version answers such a call where the arm fails.

    What was answered on a stream cannot be taken back.
    """
    return not call.is_stream and fallback.applies(route, split, arm_id)


def held_out(holdout: table.Holdout) -> dict[str, any_pb2.Any]:
    """For what a split is to be asked about: has hold.lua look whose units are held out."""
    per_route = lua_pb2.LuaPerRoute(name=names.HOLDOUT_SCRIPT)
    per_route.filter_context.update({"layer": holdout.layer, "share_bp": str(holdout.share_bp)})
    packed = any_pb2.Any()
    packed.Pack(per_route, deterministic=True)
    return {names.HOLDOUT_FILTER: packed}


def _context(call: Call, values: Mapping[str, str | Mapping[str, str]]) -> dict[str, any_pb2.Any]:
    # Strings only: a number would come out of a Struct as a float.
    per_route = lua_pb2.LuaPerRoute()
    per_route.filter_context.update(values)
    if call.is_foreign:
        per_route.filter_context.update({"pin": "message"})
    packed = any_pb2.Any()
    packed.Pack(per_route, deterministic=True)
    return {names.ASSIGN_FILTER: packed}
