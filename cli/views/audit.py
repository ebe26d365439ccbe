"""The audit's chain."""

from __future__ import annotations

from rich.table import Table

from algolink.audit_chain import Verified
from algolink.registry.v1 import audit_pb2 as pb
from cli.views import text


def verified(found: Verified) -> Table:
    table = text.facts()
    table.add_row("chain", "whole")
    table.add_row("sealed", f"{found.sealed} entries")
    table.add_row("not yet sealed", str(found.unsealed))
    if found.sealed:
        table.add_row("ends with", f"{found.sealed}:{found.head_hash}")
    return table


def status(found: pb.AuditStatus) -> Table:
    table = text.facts()
    table.add_row("entries", str(found.newest_entry))
    table.add_row("sealed", str(found.newest_sealed))
    table.add_row("not yet sealed", str(found.newest_entry - found.newest_sealed))
    table.add_row("oldest of those", text.moment(found.oldest_unsealed_time))
    table.add_row("head", found.head_hash or text.NOTHING)
    return table
