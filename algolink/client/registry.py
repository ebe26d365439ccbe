"""Calls of the registry."""

from __future__ import annotations

from algolink import names
from algolink.client.calls import Call, Pages
from algolink.names import ModelName, VersionName
from algolink.registry.v1 import registry_pb2 as pb

_SERVICE = "/algolink.registry.v1.RegistryService"

PUSH_PATH = f"{_SERVICE}/PushVersion"


def model_name(model: str) -> ModelName:
    """Reads `iris` or `models/iris`.

    Raises:
        InvalidArgument: MODEL_ID_INVALID.

    >>> str(model_name("iris")), str(model_name("models/iris"))
    ('models/iris', 'models/iris')
    """
    if model.startswith("models/"):
        return ModelName.parse(model)
    return ModelName(names.check_model_id(model))


def get_model(model: str) -> Call[pb.Model]:
    return Call(
        path=f"{_SERVICE}/GetModel",
        request=pb.GetModelRequest(name=str(model_name(model))),
        reply=pb.Model,
    )


def list_models() -> Pages[pb.ListModelsResponse, pb.Model]:
    return Pages(
        page=lambda token: Call(
            path=f"{_SERVICE}/ListModels",
            request=pb.ListModelsRequest(page_size=1_000, page_token=token),
            reply=pb.ListModelsResponse,
        ),
        items=lambda page: page.models,
        next_token=lambda page: page.next_page_token,
    )


def get_version(model: str, number: int) -> Call[pb.Version]:
    name = VersionName(model_name(model).model, number)
    return Call(
        path=f"{_SERVICE}/GetVersion",
        request=pb.GetVersionRequest(name=str(name)),
        reply=pb.Version,
    )


def list_versions(model: str, *, deleted: bool) -> Pages[pb.ListVersionsResponse, pb.Version]:
    parent = str(model_name(model))
    return Pages(
        page=lambda token: Call(
            path=f"{_SERVICE}/ListVersions",
            request=pb.ListVersionsRequest(
                parent=parent, page_size=1_000, page_token=token, show_deleted=deleted
            ),
            reply=pb.ListVersionsResponse,
        ),
        items=lambda page: page.versions,
        next_token=lambda page: page.next_page_token,
    )


def set_alias(model: str, alias: str, version: int, *, etag: str, reason: str) -> Call[pb.Model]:
    return Call(
        path=f"{_SERVICE}/SetAlias",
        request=pb.SetAliasRequest(
            model=str(model_name(model)),
            alias=names.check_alias(alias),
            version=version,
            etag=etag,
            reason=reason,
        ),
        reply=pb.Model,
        # With an etag the second try could meet the first one's success as a conflict.
        idempotent=not etag,
    )
