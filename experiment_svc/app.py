"""Puts the service together: database, store, registry, loops, server."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import grpc

from algolink.experiment.v1 import (
    assignment_pb2_grpc,
    experiment_pb2_grpc,
    facts_pb2_grpc,
    losses_pb2_grpc,
    metrics_pb2_grpc,
    plans_pb2_grpc,
    policies_pb2_grpc,
    series_pb2_grpc,
)
from chassis import auth
from chassis.channel import open_channel
from chassis.database import open_engine
from chassis.http_server import serve_http
from chassis.runtime import Runtime
from chassis.server import serve
from experiment_svc import http_front, ofrep, outcomes_http
from experiment_svc.announcing import Announcer
from experiment_svc.assigning import Plans
from experiment_svc.deciding import Decider
from experiment_svc.intake import OutcomeIntake
from experiment_svc.promoting import Promoter
from experiment_svc.registry import GrpcRegistry
from experiment_svc.servicer import ExperimentServicer
from experiment_svc.servicer_assignment import AssignmentServicer
from experiment_svc.servicer_facts import FactServicer
from experiment_svc.servicer_losses import LossServicer
from experiment_svc.servicer_metrics import MetricServicer
from experiment_svc.servicer_plans import PlanServicer
from experiment_svc.servicer_policies import DecisionServicer, PolicyServicer
from experiment_svc.servicer_series import SeriesServicer
from experiment_svc.settings import Settings
from experiment_svc.store_sql import SqlStore

SERVICE_NAMES = (
    "algolink.experiment.v1.ExperimentService",
    "algolink.experiment.v1.FactService",
    "algolink.experiment.v1.AssignmentService",
    "algolink.experiment.v1.MetricService",
    "algolink.experiment.v1.LossService",
    "algolink.experiment.v1.PolicyService",
    "algolink.experiment.v1.DecisionService",
    "algolink.experiment.v1.PlanService",
    "algolink.experiment.v1.SeriesService",
)


@asynccontextmanager
async def app(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Everything that the service opens, closed in reverse."""
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(
            open_engine(settings.database_url, migrations="experiment_svc.migrations")
        )
        store = SqlStore(engine)
        token = auth.read_token(settings.token_file)
        channel = await stack.enter_async_context(open_channel(settings.registry_address, token))
        registry = GrpcRegistry(channel)
        decider = Decider(store, runtime.now)
        promoter = Promoter(
            store,
            registry,
            runtime.now,
            patience=timedelta(seconds=settings.promotion_patience_s),
        )
        await stack.enter_async_context(
            runtime.background(decider.run(period_s=settings.decision_period_s), name="decider")
        )
        await stack.enter_async_context(runtime.background(promoter.run(), name="promoter"))
        if settings.webhook_url:
            announcer = Announcer(store, settings.webhook_url, runtime.now)
            await stack.enter_async_context(runtime.background(announcer.run(), name="announcer"))
        experiment_servicer = ExperimentServicer(
            store,
            registry,
            now=runtime.now,
            generator=random.SystemRandom(),
            draining=runtime.draining,
        )
        intake = OutcomeIntake(store)
        fact_servicer = FactServicer(store, intake, now=runtime.now, draining=runtime.draining)
        metric_servicer = MetricServicer(store, now=runtime.now)
        loss_servicer = LossServicer(store, now=runtime.now)
        policy_servicer = PolicyServicer(store, now=runtime.now)
        decision_servicer = DecisionServicer(store)
        plan_servicer = PlanServicer(store, now=runtime.now)
        series_servicer = SeriesServicer(store)
        plans = Plans(store)
        assignment_servicer = AssignmentServicer(plans, runtime.draining)

        def register(server: grpc.aio.Server) -> None:
            experiment_pb2_grpc.add_ExperimentServiceServicer_to_server(experiment_servicer, server)
            facts_pb2_grpc.add_FactServiceServicer_to_server(fact_servicer, server)
            metrics_pb2_grpc.add_MetricServiceServicer_to_server(metric_servicer, server)
            policies_pb2_grpc.add_PolicyServiceServicer_to_server(policy_servicer, server)
            policies_pb2_grpc.add_DecisionServiceServicer_to_server(decision_servicer, server)
            plans_pb2_grpc.add_PlanServiceServicer_to_server(plan_servicer, server)
            assignment_pb2_grpc.add_AssignmentServiceServicer_to_server(assignment_servicer, server)
            series_pb2_grpc.add_SeriesServiceServicer_to_server(series_servicer, server)
            losses_pb2_grpc.add_LossServiceServicer_to_server(loss_servicer, server)

        await stack.enter_async_context(
            serve(runtime, settings, register, service_names=SERVICE_NAMES)
        )
        tokens = auth.Tokens.read(settings.tokens_file)
        fronts = {
            ofrep.PREFIX: ofrep.OfrepFront(plans, tokens).application(),
            outcomes_http.PREFIX: outcomes_http.OutcomesFront(
                intake, tokens, now=runtime.now
            ).application(),
        }
        await stack.enter_async_context(
            serve_http(
                http_front.application(fronts),
                settings.http_listen,
                grace_s=settings.drain_grace_s,
            )
        )
        yield
