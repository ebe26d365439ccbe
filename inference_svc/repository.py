"""The model repository extension, on a replica whose models the router chooses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from algolink.errors import FailedPrecondition, NotFound, Unimplemented
from algolink.names import shown
from inference_svc.artifacts import ArtifactCache
from inference_svc.domain.holding import Holding, State, WantedVersion
from inference_svc.host import ModelHost

_STATE: Final = {
    State.WANTED: "LOADING",
    State.LOADING: "LOADING",
    State.READY: "READY",
    State.FAILED: "UNAVAILABLE",
    State.UNLOADING: "UNLOADING",
}
"""Triton's word for each state."""


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """A version on this replica.

    Attributes:
        state: `READY`, `LOADING`, `UNLOADING` or `UNAVAILABLE`.
        reason: why it is unavailable; empty otherwise.
    """

    model: str
    version: int
    state: str
    reason: str


class Repository(Protocol):
    """What Triton's repository calls are answered from."""

    async def index(self, repository: str, *, only_ready: bool) -> list[IndexEntry]:
        """All versions, by name."""
        ...

    async def load(self, repository: str, model: str) -> None:
        """Sees to it that a model is there."""
        ...

    async def unload(self, repository: str, model: str) -> None:
        """Sees to it that a model goes."""
        ...


class ManagedRepository:
    """What this replica holds. The router alone says what that shall be."""

    def __init__(self, host: ModelHost, artifacts: ArtifactCache) -> None:
        self._host = host
        self._artifacts = artifacts

    async def index(self, repository: str, *, only_ready: bool) -> list[IndexEntry]:
        """All versions here, by name.

        Args:
            repository: must be empty: there is one, and it has no name.

        Raises:
            Unimplemented: REPOSITORY_UNNAMED.
        """
        check_repository(repository)
        entries = [entry_of(holding) for holding in self._host.holdings]
        return [entry for entry in entries if entry.state == "READY" or not only_ready]

    async def load(self, repository: str, model: str) -> None:
        """Sees to it that the artifacts of the model's wanted versions are on disk, intact.

        They get into memory by themselves, because they are wanted.

        Raises:
            Unimplemented: REPOSITORY_UNNAMED.
            NotFound: MODEL_NOT_FOUND, if the router wants no version of it here.
            AlgoLinkError: as the registry answers.
        """
        check_repository(repository)
        for version in self._wanted(model):
            await self._artifacts.get(version.digest, version.size_bytes)

    async def unload(self, repository: str, model: str) -> None:
        """Refuses: a version that is not wanted goes by itself.

        Raises:
            Unimplemented: REPOSITORY_UNNAMED.
            NotFound: MODEL_NOT_FOUND, if the router wants no version of it here.
            FailedPrecondition: MANAGED_BY_ROUTER.
        """
        check_repository(repository)
        numbers = ", ".join(str(version.name.number) for version in self._wanted(model))
        raise FailedPrecondition(
            "MANAGED_BY_ROUTER",
            f"the router wants {model} here in version {numbers}: "
            "take it off its routes, and it is unloaded",
            model=model,
            versions=numbers,
        )

    def _wanted(self, model: str) -> list[WantedVersion]:
        wanted = [version for version in self._host.wanted if version.name.model == model]
        if not wanted:
            raise NotFound(
                "MODEL_NOT_FOUND",
                f"the router wants no version of {shown(model)} on this replica",
                model=shown(model),
            )
        return wanted


def refuse_parameter(name: str) -> Unimplemented:
    """What a load or unload gets that brings a configuration or files of its own."""
    return Unimplemented(
        "PARAMETER_UNSUPPORTED",
        f"parameter {shown(name)} is not offered: models come from the registry as they are",
        parameter=shown(name),
    )


def entry_of(holding: Holding) -> IndexEntry:
    """A version in memory, or on its way."""
    name = holding.version.name
    return IndexEntry(name.model, name.number, _STATE[holding.state], holding.message)


def check_repository(repository: str) -> None:
    """Refuses a name, for there is one repository and it has none.

    Raises:
        Unimplemented: REPOSITORY_UNNAMED.
    """
    if repository:
        raise Unimplemented(
            "REPOSITORY_UNNAMED",
            f"there is no repository {shown(repository)}: there is one, and it has no name",
            repository=shown(repository),
        )
