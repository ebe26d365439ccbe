"""A version's later life, for the blocking client."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from algolink.client import lifecycle
from algolink.client.sync_transport import SyncTransport
from algolink.registry.v1 import registry_pb2, versions_pb2


class Lifecycle:
    """Notes on versions, and their retirement; `Client.lifecycle`.

    Every method takes an `etag` (of the version, as last seen) and then raises
    `Aborted` with reason ETAG_MISMATCH where it is stale.
    """

    def __init__(self, transport: SyncTransport, timeout_s: float) -> None:
        self._transport = transport
        self._timeout_s = timeout_s

    def deprecate(
        self, name: str, number: int, *, reason: str = "", etag: str = ""
    ) -> registry_pb2.Version:
        """Advises against a version; aliases may still name it."""
        call = lifecycle.move("Deprecate", name, number, reason=reason, etag=etag)
        return self._transport.unary(call, self._timeout_s)

    def archive(
        self, name: str, number: int, *, reason: str = "", etag: str = ""
    ) -> registry_pb2.Version:
        """Retires a version: no alias can be pointed at it.

        Raises:
            FailedPrecondition: VERSION_IN_USE, if an alias names it.
        """
        call = lifecycle.move("Archive", name, number, reason=reason, etag=etag)
        return self._transport.unary(call, self._timeout_s)

    def delete(
        self, name: str, number: int, *, reason: str = "", etag: str = ""
    ) -> registry_pb2.Version:
        """Deletes a version; until its `purge_time` it can be restored.

        Raises:
            FailedPrecondition: VERSION_IN_USE, if an alias names it.
        """
        call = lifecycle.move("Delete", name, number, reason=reason, etag=etag)
        return self._transport.unary(call, self._timeout_s)

    def restore(
        self, name: str, number: int, *, reason: str = "", etag: str = ""
    ) -> registry_pb2.Version:
        """Makes a deprecated, archived or deleted version ready again.

        Raises:
            FailedPrecondition: RESTORE_EXPIRED.
        """
        call = lifecycle.move("Restore", name, number, reason=reason, etag=etag)
        return self._transport.unary(call, self._timeout_s)

    def annotate(
        self,
        name: str,
        number: int,
        *,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        remove_tags: Collection[str] = (),
        metrics: Mapping[str, float] | None = None,
        remove_metrics: Collection[str] = (),
        etag: str = "",
    ) -> registry_pb2.Version:
        """Changes a version's notes; what is not named stays.

        Args:
            name: the model's id.
            number: of the version.
            description: in your words; None leaves it.
            tags: to add or replace.
            remove_tags: keys to remove.
            metrics: offline metrics to add or replace; finite.
            remove_metrics: names to remove.
            etag: as last seen; empty writes unconditionally.
        """
        call = lifecycle.annotate(
            name,
            number,
            description=description,
            tags=tags or {},
            remove_tags=remove_tags,
            metrics=metrics or {},
            remove_metrics=remove_metrics,
            etag=etag,
        )
        return self._transport.unary(call, self._timeout_s)

    def compare(
        self, name: str, base: int, candidate: int, *, candidate_name: str | None = None
    ) -> versions_pb2.Comparison:
        """Says whether callers of one version could be answered by another.

        Args:
            name: the model's id.
            base: number of the version that callers know.
            candidate: number of the version that would answer them.
            candidate_name: id of its model, where it is another one.
        """
        call = lifecycle.compare(name, base, candidate, candidate_model=candidate_name)
        return self._transport.unary(call, self._timeout_s)
