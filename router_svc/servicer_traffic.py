"""Shifts, rules, kills and freezes, for people and programs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Protocol

import grpc

from algolink import names
from algolink.errors import InvalidArgument, NotFound, Unavailable
from algolink.router.v1 import traffic_pb2 as pb
from algolink.router.v1 import traffic_pb2_grpc
from chassis import auth
from router_svc import convert_rules
from router_svc import convert_traffic as convert
from router_svc.ads.fleet import Fleet
from router_svc.composer import Composer
from router_svc.decisions import Decisions
from router_svc.domain import ruling
from router_svc.domain import traffic as rules
from router_svc.domain.splits import splitting
from router_svc.domain.traffic import Action, Standing, Traffic
from router_svc.heard import Heard
from router_svc.store import Store

_Context = grpc.aio.ServicerContext[Any, Any]

_HEARING_S = 0.5
"""How long a version that nobody knows is waited for."""

_MAX_REASON = 1_000
_HISTORY, _MAX_HISTORY = 50, 1_000


class _Deciding(Protocol):
    """What every request that decides something has."""

    @property
    def model(self) -> str: ...
    @property
    def etag(self) -> str: ...
    @property
    def reason(self) -> str: ...


class TrafficServicer(traffic_pb2_grpc.TrafficServiceServicer):
    """Takes decisions; the composer makes tables of them."""

    def __init__(
        self,
        store: Store,
        decisions: Decisions,
        composer: Composer,
        *,
        heard: Heard,
        fleet: Fleet,
    ) -> None:
        self._store = store
        self._decisions = decisions
        self._composer = composer
        self._heard = heard
        self._fleet = fleet

    async def GetTraffic(self, request: pb.GetTrafficRequest, context: _Context) -> pb.Traffic:
        model = names.check_model_id(request.model)
        self._standing(model)
        return self._traffic(model)

    async def ShiftTraffic(self, request: pb.ShiftTrafficRequest, context: _Context) -> pb.Traffic:
        per_request = convert.per_request_from_proto(request.unit)
        await self._hear_of(names.check_model_id(request.model), request.weights_bp)
        standing = self._standing(request.model)
        if not self._heard.experiments.synced:
            raise Unavailable(
                "EXPERIMENTS_UNKNOWN",
                f"whether an experiment splits {request.model} is not known yet: try again shortly",
                model=request.model,
            )
        weights = dict(request.weights_bp)
        return await self._decide(
            request,
            Action.SHIFT,
            lambda traffic: rules.shift(traffic, weights, standing, per_request=per_request),
        )

    async def ClearShift(self, request: pb.ClearShiftRequest, context: _Context) -> pb.Traffic:
        return await self._decide(request, Action.CLEAR, rules.clear)

    async def SetRules(self, request: pb.SetRulesRequest, context: _Context) -> pb.Traffic:
        standing = self._standing(names.check_model_id(request.model))

        def rule(traffic: Traffic) -> Traffic:
            layer = ruling.layer_of(traffic)
            wanted = convert_rules.rules_from_proto(request.rules, layer=layer)
            return ruling.set_rules(traffic, wanted, standing)

        return await self._decide(request, Action.SET_RULES, rule)

    async def ClearRules(self, request: pb.ClearRulesRequest, context: _Context) -> pb.Traffic:
        return await self._decide(request, Action.CLEAR_RULES, ruling.clear_rules)

    async def KillVersion(self, request: pb.KillVersionRequest, context: _Context) -> pb.Traffic:
        standing = self._standing(names.check_model_id(request.model))
        return await self._decide(
            request,
            Action.KILL,
            lambda traffic: rules.kill(traffic, request.version, standing, to=request.replacement),
            version=request.version,
        )

    async def ReviveVersion(
        self, request: pb.ReviveVersionRequest, context: _Context
    ) -> pb.Traffic:
        return await self._decide(
            request,
            Action.REVIVE,
            lambda traffic: rules.revive(traffic, request.version),
            version=request.version,
        )

    async def FreezeTraffic(
        self, request: pb.FreezeTrafficRequest, context: _Context
    ) -> pb.Traffic:
        standing = self._standing(names.check_model_id(request.model))
        return await self._decide(
            request, Action.FREEZE, lambda traffic: rules.freeze(traffic, standing)
        )

    async def UnfreezeTraffic(
        self, request: pb.UnfreezeTrafficRequest, context: _Context
    ) -> pb.Traffic:
        return await self._decide(request, Action.UNFREEZE, rules.unfreeze)

    async def ListTrafficHistory(
        self, request: pb.ListTrafficHistoryRequest, context: _Context
    ) -> pb.ListTrafficHistoryResponse:
        model = names.check_model_id(request.model)
        limit = request.limit or _HISTORY
        if not 1 <= limit <= _MAX_HISTORY:
            raise InvalidArgument(
                "LIMIT_INVALID", f"limit {limit} must be 1 to {_MAX_HISTORY}", limit=limit
            )
        revisions = await self._store.history(model, limit=limit)
        decisions = await self._store.decisions(model, limit=limit)
        if not revisions and not decisions:
            self._standing(model)
        return convert.history_to_proto(decisions, revisions, limit=limit)

    async def _decide(
        self,
        request: _Deciding,
        action: Action,
        rule: Callable[[Traffic], Traffic],
        *,
        version: int = 0,
    ) -> pb.Traffic:
        model = names.check_model_id(request.model)
        self._standing(model)
        if len(request.reason) > _MAX_REASON:
            raise InvalidArgument(
                "REASON_TOO_LONG",
                f"the reason has {len(request.reason)} characters, at most {_MAX_REASON} are kept",
                length=len(request.reason),
            )
        await self._decisions.decide(
            model,
            action,
            rule,
            etag=request.etag,
            caller=auth.caller().name,
            reason=request.reason,
            version=version,
        )
        return self._traffic(model)

    def _traffic(self, model: str) -> pb.Traffic:
        view, decision = self._composer.view, self._decisions.last(model)
        revision = view.routes.get(model)
        live = (
            revision is not None
            and self._fleet.is_live(revision.sequence, model)
            and view.does(model, decision)
        )
        return convert.traffic_to_proto(
            self._decisions.traffic_of(model),
            decision,
            live=live,
            pending=view.pending.get(model, ()),
        )

    async def _hear_of(self, model: str, versions: Iterable[int]) -> None:
        """Gives the registry's watch a moment to tell of versions that were just pushed."""
        wanted = set(versions)
        with suppress(TimeoutError):
            async with asyncio.timeout(_HEARING_S):
                while True:
                    seen = self._heard.changes.count
                    heard = self._heard.models.items.get(model)
                    if heard is not None and wanted <= heard.versions.keys():
                        return
                    await self._heard.changes.wait_beyond(seen)

    def _standing(self, model: str) -> Standing:
        """What is known about a model.

        What is routed counts as known even if the registry has not been heard: a
        kill must not wait for it.
        """
        revision = self._composer.view.routes.get(model)
        route = revision.route if revision else None
        heard = self._heard.models.items.get(model)
        if route is None and heard is None:
            raise NotFound("MODEL_NOT_FOUND", f"no model {model} is known", model=model)
        world = self._heard.world(())
        experiments = splitting(world, heard) if heard else iter(())
        return Standing(
            versions={
                *(heard.versions if heard else ()),
                *(route.versions + route.killed if route else ()),
            },
            archived=heard.archived if heard else (),
            served=route.versions if route else (),
            champion=route.champion if route else None,
            experiment=next((e.id for e in experiments), ""),
        )
