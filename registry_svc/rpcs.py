"""All rpcs of the registry, on one server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import grpc

from algolink.registry.v1 import (
    artifacts_pb2_grpc,
    audit_pb2_grpc,
    ledger_pb2_grpc,
    lineage_pb2_grpc,
    registry_pb2_grpc,
    versions_pb2_grpc,
)
from chassis import watch
from registry_svc.artifacts import Artifacts
from registry_svc.collecting import Collector
from registry_svc.pushing import Pusher
from registry_svc.servicer import RegistryServicer
from registry_svc.servicer_artifacts import ArtifactServicer
from registry_svc.servicer_audit import AuditServicer
from registry_svc.servicer_ledger import LedgerServicer
from registry_svc.servicer_lineage import LineageServicer
from registry_svc.servicer_versions import VersionServicer
from registry_svc.store import Store
from registry_svc.uploading import Uploader

SERVICE_NAMES = (
    "algolink.registry.v1.RegistryService",
    "algolink.registry.v1.ArtifactService",
    "algolink.registry.v1.LedgerService",
    "algolink.registry.v1.VersionService",
    "algolink.registry.v1.AuditService",
    "algolink.registry.v1.LineageService",
)


def registration(
    store: Store,
    artifacts: Artifacts,
    pusher: Pusher,
    uploader: Uploader,
    collector: Collector,
    *,
    now: Callable[[], datetime],
    delete_grace: timedelta,
    draining: asyncio.Event,
    changes: watch.Notifier,
) -> Callable[[grpc.aio.Server], None]:
    """What adds the servicers of `SERVICE_NAMES` to a server.

    Args:
        delete_grace: how long a deleted version can be restored.
        draining: ends the watches when set.
        changes: notified after each write; wakes the watches and the sealer.
    """
    registry = RegistryServicer(
        store, artifacts, pusher, now=now, draining=draining, changes=changes
    )
    uploads = ArtifactServicer(uploader, pusher, collector, changes=changes)
    ledger = LedgerServicer(store, now=now, changes=changes)
    versions = VersionServicer(store, now=now, delete_grace=delete_grace, changes=changes)
    audit = AuditServicer(store)
    lineage = LineageServicer(store, now=now, changes=changes)

    def register(server: grpc.aio.Server) -> None:
        registry_pb2_grpc.add_RegistryServiceServicer_to_server(registry, server)
        artifacts_pb2_grpc.add_ArtifactServiceServicer_to_server(uploads, server)
        audit_pb2_grpc.add_AuditServiceServicer_to_server(audit, server)
        versions_pb2_grpc.add_VersionServiceServicer_to_server(versions, server)
        ledger_pb2_grpc.add_LedgerServiceServicer_to_server(ledger, server)
        lineage_pb2_grpc.add_LineageServiceServicer_to_server(lineage, server)

    return register
