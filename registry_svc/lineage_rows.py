"""Lineage as JSON in a row, and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from algolink.names import VersionName
from registry_svc.domain.lineage import (
    Code,
    Column,
    DatasetUse,
    Lineage,
    Parent,
    Relation,
    Run,
)

Row = Any
"""A row of a query: its columns are attributes."""


def of_lineage(lineage: Lineage) -> dict[str, object]:
    """The row of `schema.lineages`."""
    return {
        "model": lineage.version.model,
        "number": lineage.version.number,
        "datasets": [asdict(use) for use in lineage.datasets],
        "code": asdict(lineage.code) if lineage.code else None,
        "run": asdict(lineage.run) if lineage.run else None,
        "parents": [[str(p.version), p.relation.value] for p in lineage.parents],
        "environment_digest": lineage.environment_digest,
        "recorder": lineage.recorder,
        "record_time": lineage.record_time,
    }


def lineage(row: Row) -> Lineage:
    return Lineage(
        version=VersionName(row.model, row.number),
        datasets=tuple(_dataset(value) for value in row.datasets),
        code=Code(**row.code) if row.code else None,
        run=Run(**row.run) if row.run else None,
        parents=tuple(
            Parent(VersionName.parse(name), Relation(relation)) for name, relation in row.parents
        ),
        environment_digest=row.environment_digest,
        recorder=row.recorder,
        record_time=row.record_time,
    )


def of_parents(lineage: Lineage) -> list[dict[str, object]]:
    """The rows of `schema.lineage_parents`."""
    return [
        {
            "model": lineage.version.model,
            "number": lineage.version.number,
            "parent": str(parent.version),
            "relation": parent.relation.value,
        }
        for parent in lineage.parents
    ]


def of_datasets(lineage: Lineage) -> list[dict[str, object]]:
    """The rows of `schema.lineage_datasets`: each dataset once, whatever it was used for."""
    return [
        {
            "model": lineage.version.model,
            "number": lineage.version.number,
            "uri": uri,
            "digest": digest,
        }
        for uri, digest in sorted({(use.uri, use.digest) for use in lineage.datasets})
    ]


def _dataset(value: dict[str, Any]) -> DatasetUse:
    columns = tuple(Column(**column) for column in value["columns"])
    return DatasetUse(**{**value, "columns": columns})
