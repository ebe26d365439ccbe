"""Routers and Envoys."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table

from algolink.router.v1 import fleet_pb2 as pb
from cli.views import text


def routers(found: pb.Fleet) -> Table:
    table = text.grid("ROUTER", "ALIVE", "COMPOSES")
    for router in found.routers:
        table.add_row(
            router.id, "yes" if router.alive else "no", "yes" if router.composing else text.NOTHING
        )
    return table


def envoys(found: pb.Fleet) -> Table:
    table = text.grid("ENVOY", "ROUTER", f"HAS TABLE (OF {found.table})", "SEEN", "REFUSES")
    for envoy in found.envoys:
        table.add_row(
            envoy.id,
            envoy.router or "not connected",
            str(envoy.acknowledged_table),
            text.moment(envoy.seen_time),
            ", ".join(envoy.refused_models) or ("see below" if envoy.rejection else text.NOTHING),
        )
    return table


def refusals(found: pb.Fleet) -> Iterator[str]:
    """What Envoys say about what they refuse, a line each."""
    for envoy in found.envoys:
        if envoy.rejection:
            yield f"{envoy.id} refuses: {envoy.rejection}"
