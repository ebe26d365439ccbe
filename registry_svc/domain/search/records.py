"""Models and versions as filters see them."""

from __future__ import annotations

from registry_svc.domain.lineage import Lineage
from registry_svc.domain.models import Model
from registry_svc.domain.search.fields import ALIASES, DATASETS, METRICS, PARENTS, TAGS
from registry_svc.domain.search.matching import Record
from registry_svc.domain.versions import Version


def of_model(model: Model) -> Record:
    """The fields of `fields.OF_MODELS`."""
    return {
        "model": model.name.model,
        "latest_version": model.latest_version,
        "create_time": model.create_time,
        "update_time": model.update_time,
        ALIASES: {alias: target.version for alias, target in model.aliases.items()},
    }


def of_version(version: Version, model: Model, lineage: Lineage | None = None) -> Record:
    """The fields of `fields.OF_VERSIONS`: of the aliases, those that point at it.

    Datasets are digests by uri, parents relations by the parent's name.
    """
    pointing = {
        alias: target.version
        for alias, target in model.aliases.items()
        if target.version == version.name.number
    }
    return {
        **to_order(version),
        ALIASES: pointing,
        DATASETS: {use.uri: use.digest for use in lineage.datasets} if lineage else {},
        PARENTS: {str(p.version): p.relation.value for p in lineage.parents} if lineage else {},
    }


def to_order(version: Version) -> Record:
    """The fields of `fields.ORDERS_OF_VERSIONS`."""
    return {
        "model": version.name.model,
        "number": version.name.number,
        "state": version.state.value,
        "digest": version.digest,
        "size_bytes": version.size_bytes,
        "description": version.description,
        "pusher": version.pusher,
        "create_time": version.create_time,
        "state_time": version.state_time,
        TAGS: version.tags,
        METRICS: version.metrics,
    }
