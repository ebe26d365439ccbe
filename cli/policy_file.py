"""Policies as YAML files: `EXAMPLE` shows all keys."""

from __future__ import annotations

import re
from datetime import timedelta

from algolink.client import policies
from algolink.client.policies import Freeze, Policy, Step
from cli import sections, shares
from cli.sections import Section

EXAMPLE = """\
name: careful
steps:                        # shares of all arms but the control, after the one it starts with
  - {share: 10%, hold: 1h, min_units: 500}    # once the share before it lasted and had these
  - {share: 50%, hold: 1d, min_units: 2000}
promote: superior             # after the last step; or non-inferior, or never
guardrails: clear             # each within its margin; or unbroken
min_units_per_arm: 1000       # before anybody wins or loses
futility: true                # stop once nobody can win by the metric's minimum_effect
max_duration: 21d             # then stop
approvals: [promote]          # wait for `algolink experiment approve`; ramp too
freezes:                      # UTC; nothing is done but rolling back
  - {days: [fri, sat, sun], from: "16:00", for: 24h}
max_age: 10m                  # facts older than that are not acted on
description: As the payments team does it
"""

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


def parse(text: str, source: str) -> tuple[str, Policy]:
    """Reads a file: the policy's id, and what it is.

    Args:
        text: YAML.
        source: what to call it in messages.

    Raises:
        InvalidArgument: POLICY_FILE_INVALID, naming the key.
    """
    top = sections.read(text, source, "POLICY_FILE_INVALID")
    name = top.text("name")
    policy = Policy(
        steps=tuple(_step(step) for step in _listed(top, "steps")),
        promote=top.choice("promote", policies.PROMOTE, "never"),
        guardrails=top.choice("guardrails", policies.GUARDRAILS, "clear"),
        min_units_per_arm=top.integer("min_units_per_arm", 0),
        futility=top.flag("futility", False),
        max_duration=top.span("max_duration", "0s"),
        approvals=_words(top, "approvals", tuple(policies.APPROVALS)),
        freezes=tuple(_freeze(freeze) for freeze in _listed(top, "freezes")),
        max_age=top.span("max_age", "0s"),
        description=top.text("description", ""),
    )
    top.finish()
    return name, policy


def _listed(top: Section, key: str) -> list[Section]:
    return top.sections(key) if top.has(key) else []


def _step(section: Section) -> Step:
    step = Step(
        share_bp=shares.basis_points(section.text("share")),
        hold=section.span("hold", "0s"),
        min_units_per_arm=section.integer("min_units", 0),
    )
    section.finish()
    return step


def _freeze(section: Section) -> Freeze:
    text = section.text("from")
    found = _TIME.fullmatch(text)
    if found is None:
        raise section.error("from", f"{text!r} is not a time of day: write '16:00'")
    freeze = Freeze(
        days=tuple(_DAYS.index(day) for day in _words(section, "days", _DAYS)),
        start=timedelta(hours=int(found[1]), minutes=int(found[2])),
        length=section.span("for"),
    )
    section.finish()
    return freeze


def _words(section: Section, key: str, known: tuple[str, ...]) -> tuple[str, ...]:
    if not section.has(key):
        return ()
    words = section.values[key]
    if not isinstance(words, list) or any(word not in known for word in words):
        raise section.error(key, f"must be a list of {', '.join(known)}")
    return tuple(words)
