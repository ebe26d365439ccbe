"""Lineage as YAML files: `EXAMPLE` shows all keys, each of which may be left out."""

from __future__ import annotations

from typing import Any

import yaml

from algolink.client import lineage
from algolink.errors import InvalidArgument
from algolink.names import VersionName

EXAMPLE = """\
datasets:
  - uri: s3://lake/customers.parquet
    digest: ""                   # SHA-256 of the content, if it is known
    role: training               # or validation, test, ...
    row_count: 1204000
    columns: [{name: age, type: int32}]
code: {repository: "https://git.example.com/churn", commit: 4f2a9c1, dirty: false}
run: {id: run-17, parameters: {depth: "8"}, metrics: {auc: 0.93}}
parents:
  - {version: churn/6, relation: fine-tuned from}   # converted from, ensemble of, distilled from
environment_digest: ""           # SHA-256 of the lock file
"""


def parse(text: str, source: str) -> dict[str, Any]:
    """Reads a file and looks whether it can be a lineage.

    Args:
        text: YAML.
        source: what to call it in messages.

    Raises:
        InvalidArgument: LINEAGE_INVALID.
    """
    try:
        described = yaml.safe_load(text)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        problem = getattr(error, "problem", None) or "it cannot be read"
        raise _invalid(f"{source}{line}: {problem}") from error
    if not isinstance(described, dict):
        raise _invalid(f"{source}: it should be keys with values, such as datasets and code")
    try:
        lineage.message(VersionName("any", 1), described)
    except InvalidArgument as error:
        raise _invalid(f"{source}: {error.message}") from error
    return described


def _invalid(why: str) -> InvalidArgument:
    return InvalidArgument("LINEAGE_INVALID", " ".join(why.split()))
