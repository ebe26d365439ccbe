"""What people write on a version: a description, tags, offline metrics."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from algolink import names
from algolink.errors import InvalidArgument

MAX_DESCRIPTION = 1_000
"""Characters that a description may have."""

MAX_TAGS = 64
MAX_TAG_VALUE = 256
"""Characters that the value of a tag may have."""

MAX_METRICS = 100

TAG_PATTERN = "[a-z][a-z0-9_./-]{0,62}"
_TAG = re.compile(TAG_PATTERN)


def check_description(description: str) -> str:
    """Returns `description` if it is short enough, else raises DESCRIPTION_TOO_LONG."""
    if len(description) > MAX_DESCRIPTION:
        raise InvalidArgument(
            "DESCRIPTION_TOO_LONG",
            f"the description has {len(description)} characters, "
            f"at most {MAX_DESCRIPTION} are allowed",
            length=len(description),
            limit=MAX_DESCRIPTION,
        )
    return description


def check_tags(tags: Mapping[str, str]) -> Mapping[str, str]:
    """Returns `tags` if a version may have them.

    Raises:
        InvalidArgument: TOO_MANY_TAGS or TAG_INVALID.
    """
    _check_count(tags, MAX_TAGS, "TOO_MANY_TAGS", "tags")
    for key, value in tags.items():
        if _TAG.fullmatch(key) is None:
            raise InvalidArgument(
                "TAG_INVALID",
                f"{names.shown(key)} is not a tag's key: it must match {TAG_PATTERN}",
                tag=names.shown(key),
            )
        if len(value) > MAX_TAG_VALUE or not value.isprintable():
            raise InvalidArgument(
                "TAG_INVALID",
                f"the value of tag {key} is not at most {MAX_TAG_VALUE} printable characters: "
                f"{names.shown(value)}",
                tag=key,
                value=names.shown(value),
                limit=MAX_TAG_VALUE,
            )
    return tags


def check_metrics(metrics: Mapping[str, float]) -> Mapping[str, float]:
    """Returns `metrics` if a version may have them.

    Raises:
        InvalidArgument: TOO_MANY_METRICS, METRIC_INVALID or METRIC_NOT_FINITE.
    """
    _check_count(metrics, MAX_METRICS, "TOO_MANY_METRICS", "metrics")
    for name, value in metrics.items():
        names.check_metric_name(name)
        if not math.isfinite(value):
            raise InvalidArgument(
                "METRIC_NOT_FINITE",
                f"metric {name} is {value}: it must be a finite number",
                metric=name,
                value=value,
            )
    return metrics


def _check_count(
    notes: Mapping[str, str] | Mapping[str, float], limit: int, reason: str, what: str
) -> None:
    if len(notes) > limit:
        raise InvalidArgument(
            reason,
            f"{len(notes)} {what} are more than the {limit} that a version may have",
            count=len(notes),
            limit=limit,
        )
