"""A registry of ours that answers over real gRPC, as told."""

from __future__ import annotations

from typing import Any

import grpc

from algolink.errors import Aborted, AlgoLinkError, NotFound
from algolink.registry.v1 import registry_pb2 as pb
from algolink.registry.v1 import registry_pb2_grpc as rpc
from algolink.registry.v1 import versions_pb2, versions_pb2_grpc
from chassis import errors

Context = grpc.aio.ServicerContext[Any, Any]


def a_signature(*, features: int = 64) -> pb.Signature:
    return pb.Signature(
        inputs=[pb.TensorSpec(name="x", datatype="FP32", shape=[-1, features])],
        outputs=[pb.TensorSpec(name="label", datatype="INT64", shape=[-1])],
    )


class FakeRegistry(rpc.RegistryServiceServicer, versions_pb2_grpc.VersionServiceServicer):
    """Models with versions and a champion.

    Attributes:
        models: by name, `models/digits`.
        versions: by name, `models/digits/versions/1`.
        moves: the alias moves that changed something, in order.
        refusal: what SetAlias answers instead, once for each entry.
    """

    def __init__(self) -> None:
        self.models: dict[str, pb.Model] = {}
        self.versions: dict[str, pb.Version] = {}
        self.moves: list[pb.SetAliasRequest] = []
        self.refusals: list[AlgoLinkError] = []

    def add_version(self, model: str, *, signature: pb.Signature | None = None) -> int:
        found = self.models.setdefault(f"models/{model}", pb.Model(name=f"models/{model}"))
        found.latest_version += 1
        found.revision += 1
        number = found.latest_version
        if number == 1:
            found.aliases["champion"].version = 1
        name = f"models/{model}/versions/{number}"
        self.versions[name] = pb.Version(
            name=name, number=number, signature=signature or a_signature()
        )
        return number

    def champion(self, model: str) -> int:
        return self.models[f"models/{model}"].aliases["champion"].version

    async def GetModel(self, request: pb.GetModelRequest, context: Context) -> pb.Model:
        if request.name not in self.models:
            await _abort(context, NotFound("MODEL_NOT_FOUND", f"there is no {request.name}"))
        model = self.models[request.name]
        model.etag = f"r{model.revision}"
        return model

    async def CompareVersions(
        self, request: versions_pb2.CompareVersionsRequest, context: Context
    ) -> versions_pb2.Comparison:
        base, candidate = (self.versions[name] for name in (request.base, request.candidate))
        if base.signature == candidate.signature:
            return versions_pb2.Comparison(compatible=True)
        difference = versions_pb2.Difference(breaking=True, explanation="x has another shape")
        return versions_pb2.Comparison(differences=[difference])

    async def GetVersion(self, request: pb.GetVersionRequest, context: Context) -> pb.Version:
        if request.name not in self.versions:
            await _abort(context, NotFound("VERSION_NOT_FOUND", f"there is no {request.name}"))
        return self.versions[request.name]

    async def SetAlias(self, request: pb.SetAliasRequest, context: Context) -> pb.Model:
        if self.refusals:
            await _abort(context, self.refusals.pop(0))
        model = self.models[request.model]
        if request.etag and request.etag != f"r{model.revision}":
            await _abort(context, Aborted("ETAG_MISMATCH", "it has changed"))
        alias = model.aliases[request.alias]
        if alias.version != request.version:
            alias.version = request.version
            alias.evidence.CopyFrom(request.evidence)
            model.revision += 1
            self.moves.append(request)
        return model


async def _abort(context: Context, error: AlgoLinkError) -> None:
    await context.abort_with_status(errors.to_status(error))
