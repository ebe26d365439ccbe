"""Experiments as feature flags, in the words of OpenFeature's remote evaluation protocol.

The flag's key is the experiment's id and its value the id of the unit's arm. An
experiment that assigns nobody is a disabled flag, for which the caller's own
default counts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from algolink import names
from algolink.assignment import Plan, Standing, assign
from algolink.errors import InvalidArgument

TARGETING_KEY: Final = "targetingKey"

_REASONS: Final = {Standing.SPLIT: "SPLIT", Standing.SETTLED: "STATIC"}


def targeting_key(body: bytes) -> str:
    """The unit that an evaluation request is about.

    Raises:
        InvalidArgument: PARSE_ERROR, INVALID_CONTEXT or TARGETING_KEY_MISSING,
            which are the protocol's own codes.
    """
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument("PARSE_ERROR", f"the body is not JSON: {error}") from error
    context = request.get("context") if isinstance(request, dict) else None
    if not isinstance(context, dict):
        raise InvalidArgument(
            "INVALID_CONTEXT", 'the body needs a context: {"context": {"targetingKey": "user-1"}}'
        )
    key = context.get(TARGETING_KEY)
    if key is None or key == "":
        raise InvalidArgument(
            "TARGETING_KEY_MISSING",
            "the context needs a targetingKey: the unit, as sent in x-algolink-unit",
        )
    if not isinstance(key, str) or not names.is_unit(key):
        raise InvalidArgument(
            "INVALID_CONTEXT",
            f"targetingKey {names.shown(str(key))} is no unit: it must match {names.UNIT_PATTERN}",
        )
    return key


def evaluate(plan: Plan, unit: str) -> Mapping[str, Any]:
    """A flag's evaluation for a valid `unit`, as JSON values."""
    metadata: dict[str, str | int] = {
        "experiment": f"experiments/{plan.experiment}",
        "revision": plan.revision,
    }
    if plan.standing is Standing.OFF:
        # Without a value the caller's default counts; the variant is there because
        # some providers read it unasked.
        return {
            "key": plan.experiment,
            "reason": "DISABLED",
            "variant": "",
            "metadata": metadata,
        }
    if plan.by_request:
        return failure(
            plan.experiment,
            "GENERAL",
            "each request is a unit of its own: the answer's headers say the arm",
        )
    found = assign(plan, unit)
    return {
        "key": plan.experiment,
        "value": found.arm,
        "variant": found.arm,
        "reason": _REASONS[found.standing],
        "metadata": {
            **metadata,
            "version": found.version,
            "bucket": found.bucket,
            "phase": plan.phase,
        },
    }


def evaluate_all(plans: Sequence[Plan], unit: str) -> Mapping[str, Any]:
    """Every flag that is on, as JSON values."""
    on = [plan for plan in plans if plan.standing is not Standing.OFF]
    return {"flags": [evaluate(plan, unit) for plan in on]}


def failure(key: str, code: str, details: str) -> Mapping[str, Any]:
    """Why a flag has no value, as JSON values."""
    return {"key": key, "errorCode": code, "errorDetails": details}


def etag(body: bytes) -> str:
    """The entity tag of an answer; equal answers have equal ones."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'
