"""How two configurations differ, thing by thing, whatever files they lie in."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from mesh.targets.text import body


class Key(NamedTuple):
    """What a thing is, and how it is called: `("VirtualService", "ingress/iris")`."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What would become of one thing.

    Attributes:
        change: what would be done to it.
        kind: what it is.
        name: unique among those of its kind.
        diff: a unified diff of its YAML: with + what it would be, with - what it is.
    """

    change: Literal["added", "removed", "changed"]
    kind: str
    name: str
    diff: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {**asdict(self), "diff": list(self.diff)}


def changes(before: Mapping[Key, Any], after: Mapping[Key, Any], where: str) -> Iterator[Change]:
    """What must change for `before` to become `after`, sorted; nothing if they mean the same.

    Args:
        before: JSON values, or text.
        after: JSON values, or text.
        where: what `before` is called in diffs.
    """
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        diff = difflib.unified_diff(
            _lines(old),
            _lines(new),
            f"{where} {key.kind} {key.name}" if old is not None else "/dev/null",
            f"rendered {key.kind} {key.name}" if new is not None else "/dev/null",
            lineterm="",
        )
        yield Change(
            change="added" if old is None else "removed" if new is None else "changed",
            kind=key.kind,
            name=key.name,
            diff=tuple(diff),
        )


def _lines(value: Any) -> list[str]:
    if value is None:
        return []
    return (value if isinstance(value, str) else body([value])).splitlines()
