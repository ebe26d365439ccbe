"""Calls of the router, and the states of a route that are worth waiting for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from algolink.client.calls import Call, Wait
from algolink.client.registry import model_name
from algolink.errors import DeadlineExceeded, InvalidArgument
from algolink.experiment.v1 import experiment_pb2
from algolink.registry.v1 import registry_pb2
from algolink.router.v1 import router_pb2 as pb
from algolink.router.v1 import tables_pb2

_SERVICE = "/algolink.router.v1.RouterService"


def get_route(model: str) -> Call[pb.Route]:
    return Call(
        path=f"{_SERVICE}/GetRoute",
        request=pb.GetRouteRequest(model=model_name(model).model),
        reply=pb.Route,
    )


def list_routes() -> Call[pb.ListRoutesResponse]:
    return Call(
        path=f"{_SERVICE}/ListRoutes",
        request=pb.ListRoutesRequest(),
        reply=pb.ListRoutesResponse,
    )


Attributes = Mapping[str, str | Sequence[str]]
"""Attributes of a request by name; several values are one that is sent several times."""


def explain(
    model: str,
    *,
    unit: str,
    version: int,
    attributes: Attributes | None = None,
    at: datetime | None = None,
) -> Call[pb.Explanation]:
    """The call that explains.

    Raises:
        InvalidArgument: TIME_INVALID, if `at` is not aware.
    """
    request = pb.ExplainRequest(model=model_name(model).model, unit=unit, version=version)
    for name, values in (attributes or {}).items():
        for value in [values] if isinstance(values, str) else values:
            request.attributes.add(name=name, value=value)
    if at is not None:
        if at.tzinfo is None:
            raise InvalidArgument("TIME_INVALID", f"{at} has no time zone", time=at)
        request.time.FromDatetime(at)
    return Call(path=f"{_SERVICE}/Explain", request=request, reply=pb.Explanation)


def get_table(models: Sequence[str]) -> Call[tables_pb2.RouteTable]:
    return Call(
        path="/algolink.router.v1.TableService/GetTable",
        request=tables_pb2.GetTableRequest(models=[model_name(model).model for model in models]),
        reply=tables_pb2.RouteTable,
    )


def get_status() -> Call[pb.Status]:
    return Call(path=f"{_SERVICE}/GetStatus", request=pb.GetStatusRequest(), reply=pb.Status)


def champion_is_live(model: registry_pb2.Model, version: int) -> Wait[pb.Route]:
    """Until requests without a version are answered by `version`."""
    name = model_name(model.name).model
    return Wait(
        call=get_route(name),
        done=lambda route: route.live and route.champion_version == version,
        late=lambda route, waited_s: _late(f"{model.name} version {version}", route, waited_s),
    )


def split_is_live(experiment: experiment_pb2.Experiment) -> Wait[pb.Route]:
    """Until Envoy splits traffic as `experiment` says, or as a later write to it says."""

    def done(route: pb.Route) -> bool:
        split = route.split
        return (
            route.live
            and split.experiment == experiment.name
            and split.experiment_revision >= experiment.revision
        )

    return Wait(
        call=get_route(experiment.model),
        done=done,
        late=lambda route, waited_s: _late(experiment.name, route, waited_s),
    )


def split_is_gone(experiment: experiment_pb2.Experiment) -> Wait[pb.Route]:
    """Until `experiment` splits nothing any more, and its winner, if any, is champion."""
    winner = experiment.verdict.version

    def done(route: pb.Route) -> bool:
        if not route.live or route.split.experiment == experiment.name:
            return False
        return not winner or route.champion_version == winner

    return Wait(
        call=get_route(experiment.model),
        done=done,
        late=lambda route, waited_s: _late(f"the end of {experiment.name}", route, waited_s),
    )


def _late(what: str, route: pb.Route | None, waited_s: float) -> DeadlineExceeded:
    pending = " ".join(route.pending) if route is not None else ""
    why = f": {pending}" if pending else ""
    return DeadlineExceeded(
        "ROUTE_NOT_LIVE", f"{what} is not routed after {waited_s:g} s{why}", waited_s=waited_s
    )
