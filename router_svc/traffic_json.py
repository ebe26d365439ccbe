"""Decisions about traffic as JSON, for the database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from algolink.split import Segment, Table
from mesh import attempts, selection
from mesh.table import Holdout, Shadow
from router_svc.domain.rules import Rules
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
            **({} if traffic.rules is None else {"rules": _rules(traffic.rules)}),
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
        rules=_load_rules(value["rules"]) if "rules" in value else None,
    )


def _rules(rules: Rules) -> dict[str, Any]:
    holdout, shadow = rules.holdout, rules.shadow
    return {
        # In their order, which `field` of an error counts by.
        "overrides": list(rules.overrides.items()),
        "audiences": [selection.audience_to_json(each) for each in rules.audiences],
        "holdout": holdout and {"layer": holdout.layer, "share_bp": holdout.share_bp},
        "shadow": shadow and {"version": shadow.version, "share_bp": shadow.share_bp},
        "falls_back": rules.falls_back,
        "fallback": rules.fallback,
        "handling": attempts.handling_to_json(rules.handling),
        "revision": rules.revision,
    }


def _load_rules(value: Mapping[str, Any]) -> Rules:
    holdout, shadow = value["holdout"], value["shadow"]
    return Rules(
        overrides=dict(value["overrides"]),
        audiences=tuple(map(selection.audience_from_json, value["audiences"])),
        holdout=holdout and Holdout(**holdout),
        shadow=shadow and Shadow(**shadow),
        falls_back=value["falls_back"],
        fallback=value["fallback"],
        handling=attempts.handling_from_json(value["handling"]),
        revision=value["revision"],
    )
