"""The model repository extension, where clients choose what is loaded."""

from __future__ import annotations

from algolink.errors import FailedPrecondition, NotFound
from algolink.names import shown
from inference_svc.domain.holding import Holding, State, WantedVersion
from inference_svc.host import ModelHost
from inference_svc.repository import IndexEntry, check_repository, entry_of
from inference_svc.standalone.folder import ModelFolder


class FolderRepository:
    """What is loaded of a folder. Whoever calls last decides."""

    def __init__(self, host: ModelHost, folder: ModelFolder) -> None:
        self._host = host
        self._folder = folder

    async def index(self, repository: str, *, only_ready: bool) -> list[IndexEntry]:
        """All versions in the folder or in memory, by name.

        Raises:
            Unimplemented: REPOSITORY_UNNAMED.
        """
        check_repository(repository)
        entries = {holding.version.name: entry_of(holding) for holding in self._host.holdings}
        for version in await self._folder.versions():
            name = version.name
            entries.setdefault(name, IndexEntry(name.model, name.number, "UNAVAILABLE", "unloaded"))
        return [
            entry
            for _, entry in sorted(entries.items())
            if entry.state == "READY" or not only_ready
        ]

    async def load(self, repository: str, model: str) -> None:
        """Loads all versions of a model, as their files are now.

        What is loaded from a file that has not changed stays as it is; versions
        whose files are gone are unloaded.

        Raises:
            Unimplemented: REPOSITORY_UNNAMED.
            NotFound: MODEL_NOT_FOUND, if the folder has no version of it.
            FailedPrecondition: LOAD_FAILED, with the reason; the versions that
                could be loaded are.
        """
        check_repository(repository)
        versions = await self._folder.versions(model)
        if not versions:
            raise _not_found(model)
        self._host.want((*self._others(model), *versions), whole=True)
        failures = await self.settled(versions)
        if failures:
            name = failures[0].version.name
            raise FailedPrecondition(
                "LOAD_FAILED",
                f"failed to load version {name.number} of {model}: {failures[0].message}",
                model=model,
                version=name.number,
            )

    async def unload(self, repository: str, model: str) -> None:
        """Unloads a model, each version as soon as its last request has ended.

        Raises:
            Unimplemented: REPOSITORY_UNNAMED.
            NotFound: MODEL_NOT_FOUND, if it is not loaded.
        """
        check_repository(repository)
        others = self._others(model)
        if len(others) == len(self._host.wanted):
            raise _not_found(model)
        self._host.want(others, whole=True)

    async def settled(self, versions: list[WantedVersion]) -> list[Holding]:
        """Waits until each of `versions` is ready, or has failed; gives those that failed."""
        while True:
            seen = self._host.changes.count
            holdings = {holding.version: holding for holding in self._host.holdings}
            # One that somebody else takes back meanwhile is not waited for.
            left = [version for version in versions if version in self._host.wanted]
            found = [holdings[version] for version in left if version in holdings]
            if len(found) == len(left) and all(
                holding.state is State.READY or holding.failures for holding in found
            ):
                return [holding for holding in found if holding.failures]
            await self._host.changes.wait_beyond(seen)

    def _others(self, model: str) -> list[WantedVersion]:
        return [version for version in self._host.wanted if version.name.model != model]


def _not_found(model: str) -> NotFound:
    return NotFound("MODEL_NOT_FOUND", f"there is no model {shown(model)} here", model=shown(model))
