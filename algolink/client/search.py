"""The calls that find models and versions."""

from __future__ import annotations

from algolink.client.calls import Call, Pages
from algolink.errors import InvalidArgument
from algolink.registry.v1 import registry_pb2 as pb

_SERVICE = "/algolink.registry.v1.RegistryService"
_PAGE = 1_000
_ALL_MODELS = "models/-"


def models(
    filter_: str, order_by: str, limit: int | None
) -> Pages[pb.ListModelsResponse, pb.Model]:
    """Pages of the models that match."""
    size = _page_size(limit)
    return Pages(
        page=lambda token: Call(
            path=f"{_SERVICE}/ListModels",
            request=pb.ListModelsRequest(
                page_size=size, page_token=token, filter=filter_, order_by=order_by
            ),
            reply=pb.ListModelsResponse,
        ),
        items=lambda page: page.models,
        next_token=lambda page: page.next_page_token,
    )


def versions(
    filter_: str, order_by: str, limit: int | None, *, deleted: bool
) -> Pages[pb.ListVersionsResponse, pb.Version]:
    """Pages of the versions, of whichever model, that match."""
    size = _page_size(limit)
    return Pages(
        page=lambda token: Call(
            path=f"{_SERVICE}/ListVersions",
            request=pb.ListVersionsRequest(
                parent=_ALL_MODELS,
                page_size=size,
                page_token=token,
                show_deleted=deleted,
                filter=filter_,
                order_by=order_by,
            ),
            reply=pb.ListVersionsResponse,
        ),
        items=lambda page: page.versions,
        next_token=lambda page: page.next_page_token,
    )


def _page_size(limit: int | None) -> int:
    if limit is not None and limit < 1:
        raise InvalidArgument("LIMIT_INVALID", f"limit is {limit}: it must be at least 1")
    return _PAGE if limit is None else min(limit, _PAGE)
