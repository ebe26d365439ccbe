"""Policies as JSON values, as they lie in the database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from experiment_svc.domain.policies import Action, Freeze, Guard, Policy, Promote, Step

_MICROSECOND = timedelta(microseconds=1)


def dump(policy: Policy) -> dict[str, Any]:
    """All of `policy` but its version."""
    return {
        "name": policy.name,
        "steps": [
            [step.share_bp, step.hold // _MICROSECOND, step.min_units] for step in policy.steps
        ],
        "promote": policy.promote,
        "guardrails": policy.guardrails,
        "min_units": policy.min_units,
        "futility": policy.futility,
        "max_duration_us": policy.max_duration // _MICROSECOND,
        "approvals": list(policy.approvals),
        "freezes": [
            [list(freeze.days), freeze.start // _MICROSECOND, freeze.length // _MICROSECOND]
            for freeze in policy.freezes
        ],
        "max_age_us": policy.max_age // _MICROSECOND,
        "description": policy.description,
    }


def load(body: dict[str, Any], *, version: int) -> Policy:
    """Inverse of `dump`, given what it leaves out."""
    return Policy(
        name=body["name"],
        version=version,
        steps=tuple(
            Step(share_bp=share_bp, hold=hold_us * _MICROSECOND, min_units=min_units)
            for share_bp, hold_us, min_units in body["steps"]
        ),
        promote=Promote(body["promote"]),
        guardrails=Guard(body["guardrails"]),
        min_units=body["min_units"],
        futility=body["futility"],
        max_duration=body["max_duration_us"] * _MICROSECOND,
        approvals=tuple(Action(action) for action in body["approvals"]),
        freezes=tuple(
            Freeze(days=tuple(days), start=start_us * _MICROSECOND, length=length_us * _MICROSECOND)
            for days, start_us, length_us in body["freezes"]
        ),
        max_age=body["max_age_us"] * _MICROSECOND,
        description=body["description"],
    )
