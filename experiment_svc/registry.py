"""What this service asks of the registry: reads, and the promotion."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import Protocol, TypeVar

import grpc

from algolink.errors import AlgoLinkError, Unavailable
from algolink.names import CHAMPION, ModelName, VersionName
from algolink.registry.v1 import registry_pb2 as pb
from algolink.registry.v1 import registry_pb2_grpc as rpc
from chassis import errors
from experiment_svc.domain.candidates import Signature, Tensor
from experiment_svc.domain.experiments import Experiment, Verdict

TIMEOUT_S = 5.0

_ANSWERS = frozenset(
    {
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
    }
)
"""What the registry says about a request. Anything else, a refused token of ours
too, is not our caller's business: the registry cannot be asked."""

_T = TypeVar("_T")


class Registry(Protocol):
    """The registry, as far as experiments need it."""

    async def champion(self, model: ModelName) -> int:
        """Number of the version that the champion alias points at; 0 for none.

        Raises:
            NotFound: MODEL_NOT_FOUND.
            Unavailable: REGISTRY_UNAVAILABLE.
        """

    async def signature(self, version: VersionName) -> Signature:
        """What a version takes and gives.

        Raises:
            NotFound: MODEL_NOT_FOUND or VERSION_NOT_FOUND.
            Unavailable: REGISTRY_UNAVAILABLE.
        """

    async def promote(self, experiment: Experiment, verdict: Verdict) -> int:
        """Makes the winner champion; returns the model's revision then.

        Asking again changes nothing.

        Raises:
            AlgoLinkError: as the registry refuses it.
            Unavailable: REGISTRY_UNAVAILABLE.
        """


class GrpcRegistry:
    """The registry behind a channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = rpc.RegistryServiceStub(channel)

    async def champion(self, model: ModelName) -> int:
        """Number of the version that the champion alias points at; 0 for none."""
        request = pb.GetModelRequest(name=str(model))
        found: pb.Model = await _asked(self._stub.GetModel(request, timeout=TIMEOUT_S))
        return found.aliases[CHAMPION].version if CHAMPION in found.aliases else 0

    async def signature(self, version: VersionName) -> Signature:
        """What a version takes and gives."""
        request = pb.GetVersionRequest(name=str(version))
        found: pb.Version = await _asked(self._stub.GetVersion(request, timeout=TIMEOUT_S))
        return Signature(_tensors(found.signature.inputs), _tensors(found.signature.outputs))

    async def promote(self, experiment: Experiment, verdict: Verdict) -> int:
        """Makes the winner champion; returns the model's revision then."""
        request = pb.SetAliasRequest(
            model=str(experiment.model),
            alias=CHAMPION,
            version=verdict.version,
            reason=verdict.summary[:1_000],
            evidence=pb.Evidence(experiment=str(experiment.name), verdict_digest=verdict.digest),
        )
        model: pb.Model = await _asked(self._stub.SetAlias(request, timeout=TIMEOUT_S))
        return model.revision


async def _asked(call: Awaitable[_T]) -> _T:
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        raise _told(error) from error


def _told(error: grpc.aio.AioRpcError) -> AlgoLinkError:
    if error.code() in _ANSWERS:
        return errors.from_rpc_error(error)
    cause = f"{error.code().name}: {error.details()}"
    return Unavailable(
        "REGISTRY_UNAVAILABLE", f"the registry cannot be asked: {cause}", cause=cause
    )


def _tensors(specs: Iterable[pb.TensorSpec]) -> dict[str, Tensor]:
    return {spec.name: Tensor(spec.datatype, tuple(spec.shape)) for spec in specs}
