"""The tables of `examples/route-tables`, and their models led to a test's replicas."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cli.rendering.tables import parse
from mesh import table

FOLDER = Path(__file__).parents[3] / "examples" / "route-tables"
EXAMPLES = {file.stem: parse(file.read_text(), file.name) for file in sorted(FOLDER.glob("*.json"))}


def led_to(
    snapshot: table.Snapshot, grpc: Sequence[table.Endpoint], http: Sequence[table.Endpoint]
) -> table.Snapshot:
    """`snapshot`, whose one pool has these replicas."""
    [name] = snapshot.pools
    pool = table.Pool(name=name, grpc=tuple(sorted(grpc)), http=tuple(sorted(http)))
    return table.Snapshot(routes=snapshot.routes, pools={name: pool})
