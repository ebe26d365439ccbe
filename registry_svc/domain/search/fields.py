"""What models and versions can be asked about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """How a field's values are written and compared."""

    TEXT = "text"
    """In the code points' order; `*` in a value stands for anything."""

    WORD = "word"
    """One of a few, in capitals."""

    INTEGER = "integer"
    NUMBER = "number"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a collection.

    Attributes:
        name: as in a filter.
        kind: of its value, or of its values by key.
        is_map: whether it is asked by key: `tags.team`.
        words: all that a WORD may be.
    """

    name: str
    kind: Kind
    is_map: bool = False
    words: tuple[str, ...] = ()


def _by_name(*fields: Field) -> Mapping[str, Field]:
    return {field.name: field for field in fields}


ALIASES: Final = "aliases"
METRICS: Final = "metrics"
TAGS: Final = "tags"
DATASETS: Final = "datasets"
PARENTS: Final = "parents"

OF_MODELS: Final = _by_name(
    Field("model", Kind.TEXT),
    Field("latest_version", Kind.INTEGER),
    Field("create_time", Kind.TIME),
    Field("update_time", Kind.TIME),
    Field(ALIASES, Kind.INTEGER, is_map=True),
)

OF_VERSIONS: Final = _by_name(
    Field("model", Kind.TEXT),
    Field("number", Kind.INTEGER),
    Field("state", Kind.WORD, words=("READY", "DEPRECATED", "ARCHIVED", "DELETED")),
    Field("digest", Kind.TEXT),
    Field("size_bytes", Kind.INTEGER),
    Field("description", Kind.TEXT),
    Field("pusher", Kind.TEXT),
    Field("create_time", Kind.TIME),
    Field("state_time", Kind.TIME),
    Field(TAGS, Kind.TEXT, is_map=True),
    Field(METRICS, Kind.NUMBER, is_map=True),
    Field(ALIASES, Kind.INTEGER, is_map=True),
    Field(DATASETS, Kind.TEXT, is_map=True),
    Field(PARENTS, Kind.TEXT, is_map=True),
)

ORDERS_OF_VERSIONS: Final = {name: field for name, field in OF_VERSIONS.items() if name != ALIASES}
"""A version may have many aliases, and stands in one place only."""

WORDS_IN: Final = ("model", "description")
"""Fields that a word alone is looked for in, where a collection has them."""
