"""Calls of the registry's audit, and how its chain is checked."""

from __future__ import annotations

from collections.abc import Iterable

from algolink import audit_chain
from algolink.audit_chain import Link, Verified
from algolink.client.calls import Call, Pages
from algolink.registry.v1 import audit_pb2 as pb

_SERVICE = "/algolink.registry.v1.AuditService"


def list_entries() -> Pages[pb.ListAuditEntriesResponse, pb.AuditEntry]:
    return Pages(
        page=lambda token: Call(
            path=f"{_SERVICE}/ListAuditEntries",
            request=pb.ListAuditEntriesRequest(page_size=1_000, page_token=token),
            reply=pb.ListAuditEntriesResponse,
        ),
        items=lambda page: page.entries,
        next_token=lambda page: page.next_page_token,
    )


def get_status() -> Call[pb.AuditStatus]:
    return Call(
        path=f"{_SERVICE}/GetAuditStatus",
        request=pb.GetAuditStatusRequest(),
        reply=pb.AuditStatus,
    )


def verify(
    entries: Iterable[pb.AuditEntry],
    *,
    newest_sealed: int | None = None,
    known: tuple[int, str] | None = None,
) -> Verified:
    """Makes the chain of `entries` again.

    Args:
        entries: all of them, oldest first.
        newest_sealed: seals beyond this one came while the entries were read, and
            are not looked at; None where they were read at once.
        known: number and hash of an entry as seen earlier.

    Raises:
        FailedPrecondition: AUDIT_CHAIN_BROKEN.
    """
    return audit_chain.verify(
        ((_link(entry), entry.hash if _counts(entry, newest_sealed) else "") for entry in entries),
        known=known,
    )


def _counts(entry: pb.AuditEntry, newest_sealed: int | None) -> bool:
    return newest_sealed is None or entry.number <= newest_sealed


def _link(entry: pb.AuditEntry) -> Link:
    return Link(
        number=entry.number,
        time=f"{entry.time.ToDatetime():%Y-%m-%dT%H:%M:%S.%f}Z",
        caller=entry.caller,
        request_id=entry.request_id,
        action=entry.action,
        resource=entry.resource,
        before_digest=entry.before_digest,
        after_digest=entry.after_digest,
    )
