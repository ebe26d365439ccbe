"""Finding models and versions, for the blocking client."""

from __future__ import annotations

from algolink.client import search
from algolink.client.sync_transport import SyncTransport
from algolink.registry.v1 import registry_pb2


class Search:
    """Filters as AIP-160 has them; `Client.search`.

    The fields are those of `ListModelsRequest.filter` and `ListVersionsRequest.filter`.
    """

    def __init__(self, transport: SyncTransport, timeout_s: float) -> None:
        self._transport = transport
        self._timeout_s = timeout_s

    def models(
        self, filter: str = "", *, order_by: str = "", limit: int | None = None
    ) -> list[registry_pb2.Model]:
        """Models that match: `aliases:challenger AND model = "iris*"`.

        Raises:
            InvalidArgument: FILTER_INVALID, with the position, or ORDER_BY_INVALID.
        """
        return self._transport.items(
            search.models(filter, order_by, limit), self._timeout_s, limit=limit
        )

    def versions(
        self,
        filter: str = "",
        *,
        order_by: str = "",
        limit: int | None = None,
        deleted: bool = False,
    ) -> list[registry_pb2.Version]:
        """Versions of all models that match: `tags.team = vision AND metrics.f1 > 0.9`.

        Raises:
            InvalidArgument: FILTER_INVALID, with the position, or ORDER_BY_INVALID.
        """
        return self._transport.items(
            search.versions(filter, order_by, limit, deleted=deleted),
            self._timeout_s,
            limit=limit,
        )
