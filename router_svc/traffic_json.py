"""Decisions about traffic as JSON, for the database."""

from __future__ import annotations

import json
from typing import Any

from algolink.split import Segment, Table
from router_svc.domain.traffic import Shift, Traffic


def dump_traffic(traffic: Traffic) -> str:
    """`traffic` without model and revision; `load_traffic` is the inverse."""
    shift = traffic.shift
    return json.dumps(
        {
            "shift": None
            if shift is None
            else {
                "salt": shift.salt,
                "per_request": shift.per_request,
                "segments": [[s.start, s.end, s.arm] for s in shift.table.segments],
                "revision": shift.revision,
            },
            "killed": sorted(traffic.killed.items()),
            "frozen": traffic.frozen,
        },
        separators=(",", ":"),
    )


def load_traffic(model: str, revision: int, content: str) -> Traffic:
    """The traffic that `dump_traffic` wrote."""
    value: dict[str, Any] = json.loads(content)
    shift = value["shift"]
    return Traffic(
        model=model,
        revision=revision,
        shift=None
        if shift is None
        else Shift(
            salt=shift["salt"],
            per_request=shift["per_request"],
            table=Table(tuple(Segment(*segment) for segment in shift["segments"])),
            revision=shift["revision"],
        ),
        killed=dict(value["killed"]),
        frozen=value["frozen"],
    )
