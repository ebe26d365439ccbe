"""The rpcs of the audit."""

from __future__ import annotations

from algolink.registry.v1 import audit_pb2 as pb
from algolink.registry.v1 import audit_pb2_grpc
from registry_svc import convert
from registry_svc.domain import paging
from registry_svc.domain.audit import Recorded
from registry_svc.servicer import Context
from registry_svc.store import Store


class AuditServicer(audit_pb2_grpc.AuditServiceServicer):
    """Parses, loads and replies."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def ListAuditEntries(
        self, request: pb.ListAuditEntriesRequest, context: Context
    ) -> pb.ListAuditEntriesResponse:
        page_size = paging.size(request.page_size)
        async with self._store.reading() as reader:
            pages = paging.Pages(await reader.page_key(), ("auditEntries",))
            after = paging.number_after(pages, request.page_token)
            found = await reader.list_entries(after=after or 0, limit=page_size + 1)
        page, next_page_token = pages.cut(found, page_size, lambda each: (each.entry.number,))
        return pb.ListAuditEntriesResponse(
            entries=[_to_proto(each) for each in page], next_page_token=next_page_token
        )

    async def GetAuditStatus(
        self, request: pb.GetAuditStatusRequest, context: Context
    ) -> pb.AuditStatus:
        async with self._store.reading() as reader:
            newest = await reader.newest_entry()
            seal = await reader.newest_seal()
            waiting = await reader.list_entries(after=seal.number if seal else 0, limit=1)
        return pb.AuditStatus(
            newest_entry=newest,
            newest_sealed=seal.number if seal else 0,
            head_hash=seal.hash if seal else "",
            oldest_unsealed_time=convert.timestamp(waiting[0].entry.time) if waiting else None,
        )


def _to_proto(recorded: Recorded) -> pb.AuditEntry:
    entry, seal = recorded.entry, recorded.seal
    return pb.AuditEntry(
        number=entry.number,
        time=convert.timestamp(entry.time),
        caller=entry.actor.name,
        request_id=entry.actor.request_id,
        action=entry.action,
        resource=entry.resource,
        before_digest=entry.before_digest,
        after_digest=entry.after_digest,
        hash=seal.hash if seal else "",
        seal_time=convert.timestamp(seal.time) if seal else None,
    )
