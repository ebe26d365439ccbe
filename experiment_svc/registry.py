"""What this service asks of the registry: reads, and the promotion."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol, TypeVar

import grpc

from algolink.errors import AlgoLinkError, FailedPrecondition, Unavailable
from algolink.names import CHAMPION, ModelName, VersionName
from algolink.registry.v1 import registry_pb2 as pb
from algolink.registry.v1 import registry_pb2_grpc as rpc
from algolink.registry.v1 import versions_pb2, versions_pb2_grpc
from chassis import errors
from experiment_svc.domain.experiments import Experiment, Verdict

TIMEOUT_S = 5.0

CHAMPION_MOVED = "CHAMPION_MOVED"
"""Reason of a promotion that would overwrite what somebody decided."""

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

    async def retired(self, version: VersionName) -> str:
        """The state of a version that nothing may be routed to; empty if it is none.

        Raises:
            NotFound: MODEL_NOT_FOUND or VERSION_NOT_FOUND.
            Unavailable: REGISTRY_UNAVAILABLE.
        """

    async def breaking(self, base: VersionName, candidate: VersionName) -> list[str]:
        """What callers of `base` could fail on if `candidate` answered, in words.

        Raises:
            NotFound: MODEL_NOT_FOUND or VERSION_NOT_FOUND.
            Unavailable: REGISTRY_UNAVAILABLE.
        """

    async def promote(self, experiment: Experiment, verdict: Verdict) -> int:
        """Makes the winner champion in the control's place; returns the model's revision then.

        Asking again changes nothing.

        Raises:
            FailedPrecondition: CHAMPION_MOVED, if the champion is neither the
                control nor the winner: somebody moved it, and it stays.
            AlgoLinkError: as the registry refuses it.
            Unavailable: REGISTRY_UNAVAILABLE.
        """


class GrpcRegistry:
    """The registry behind a channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = rpc.RegistryServiceStub(channel)
        self._versions = versions_pb2_grpc.VersionServiceStub(channel)

    async def champion(self, model: ModelName) -> int:
        """Number of the version that the champion alias points at; 0 for none."""
        request = pb.GetModelRequest(name=str(model))
        found: pb.Model = await _asked(self._stub.GetModel(request, timeout=TIMEOUT_S))
        return found.aliases[CHAMPION].version if CHAMPION in found.aliases else 0

    async def retired(self, version: VersionName) -> str:
        """The state of a version that nothing may be routed to; empty if it is none."""
        request = pb.GetVersionRequest(name=str(version))
        found: pb.Version = await _asked(self._stub.GetVersion(request, timeout=TIMEOUT_S))
        return _RETIRED.get(found.state, "")

    async def breaking(self, base: VersionName, candidate: VersionName) -> list[str]:
        """What callers of `base` could fail on if `candidate` answered, in words."""
        request = versions_pb2.CompareVersionsRequest(base=str(base), candidate=str(candidate))
        found: versions_pb2.Comparison = await _asked(
            self._versions.CompareVersions(request, timeout=TIMEOUT_S)
        )
        return [one.explanation for one in found.differences if one.breaking]

    async def promote(self, experiment: Experiment, verdict: Verdict) -> int:
        """Makes the winner champion in the control's place; returns the model's revision."""
        get = pb.GetModelRequest(name=str(experiment.model))
        present: pb.Model = await _asked(self._stub.GetModel(get, timeout=TIMEOUT_S))
        champion = present.aliases[CHAMPION].version if CHAMPION in present.aliases else 0
        if champion == verdict.version:
            return present.revision
        if champion != experiment.control.version:
            raise FailedPrecondition(
                CHAMPION_MOVED,
                f"the champion of {experiment.model} is version {champion}, not the control's "
                f"{experiment.control.version}: somebody moved it, and it stays",
                model=experiment.model,
                champion=champion,
            )
        request = pb.SetAliasRequest(
            model=str(experiment.model),
            alias=CHAMPION,
            version=verdict.version,
            etag=present.etag,
            reason=verdict.summary[:1_000],
            evidence=pb.Evidence(experiment=str(experiment.name), verdict_digest=verdict.digest),
        )
        model: pb.Model = await _asked(self._stub.SetAlias(request, timeout=TIMEOUT_S))
        return model.revision


_RETIRED = {
    pb.VERSION_STATE_ARCHIVED: "archived",
    pb.VERSION_STATE_DELETED: "deleted",
}


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
