"""Where versions came from, for the blocking client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from algolink.client import lineage
from algolink.client.sync_transport import SyncTransport
from algolink.registry.v1 import lineage_pb2


class LineageClient:
    """Where versions came from; `Client.lineage`. Versions are named `iris/3`, or whole."""

    def __init__(self, transport: SyncTransport, timeout_s: float) -> None:
        self._transport = transport
        self._timeout_s = timeout_s

    def record(self, version: str, described: Mapping[str, Any]) -> lineage_pb2.Lineage:
        """Writes down where a version came from, once.

        Args:
            version: whose lineage it is.
            described: the fields of `Lineage` as JSON has them: `{"datasets": [{"uri":
                "s3://bucket/petals.csv"}], "parents": [{"version": "iris/1", "relation":
                "fine-tuned from"}]}`.

        Raises:
            InvalidArgument: LINEAGE_INVALID, with the place.
            AlreadyExists: LINEAGE_RECORDED, if something else was recorded.
            FailedPrecondition: LINEAGE_CYCLE.
        """
        wanted = lineage.message(lineage.version_name(version), described)
        return self._transport.unary(lineage.record(wanted), self._timeout_s)

    def get(self, version: str) -> lineage_pb2.Lineage:
        """What was recorded of a version.

        Raises:
            NotFound: LINEAGE_NOT_RECORDED.
        """
        return self._transport.unary(lineage.get(version), self._timeout_s)

    def trace(
        self, start: str, direction: str = "both", *, depth: int = 0
    ) -> lineage_pb2.LineageGraph:
        """Follows lineage from a version, or from the uri of a dataset.

        Args:
            start: `iris/3`, or `s3://bucket/petals.csv`.
            direction: `upstream`, `downstream` or `both`.
            depth: steps between versions, 1 to 100; 0 means 100.
        """
        return self._transport.unary(lineage.trace(start, direction, depth), self._timeout_s)

    def users_of(
        self, uri: str, digest: str = "", *, in_production: bool = False
    ) -> list[lineage_pb2.DatasetUser]:
        """Versions that used a dataset, by themselves or through what they come from.

        Args:
            uri: of the dataset.
            digest: of its content; empty for whatever was at the uri.
            in_production: only those that an alias points at.

        Raises:
            NotFound: DATASET_NOT_FOUND.
        """
        call = lineage.find_users(uri, digest, in_production=in_production)
        return list(self._transport.unary(call, self._timeout_s).users)
