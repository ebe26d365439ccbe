"""Loads what is wanted, lends it to requests, and unloads it when its last one has ended."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from algolink.errors import AlgoLinkError
from algolink.names import VersionName
from chassis.watch import Notifier
from inference_svc.artifacts import Artifacts
from inference_svc.batching.scheduler import Policy
from inference_svc.batching.served_model import ServedModel
from inference_svc.domain.holding import Holding, State, WantedVersion
from inference_svc.domain.holdings import Holdings
from inference_svc.domain.statistics import Statistics
from inference_svc.engines import Engine, LoadError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Retry:
    """How long to wait before a load that failed is tried again.

    Attributes:
        first_s: after the first failure, in seconds; doubled after each further one.
        longest_s: never longer than this, in seconds.
    """

    first_s: float = 1.0
    longest_s: float = 30.0

    def delay_s(self, failures: int) -> float:
        """Wait after so many failures in a row, in seconds.

        >>> Retry(1.0, 30.0).delay_s(3), Retry(1.0, 30.0).delay_s(1000)
        (4.0, 30.0)
        """
        return float(min(self.first_s * 2 ** min(failures - 1, 30), self.longest_s))


_LOADS_AT_A_TIME: Final = 2

_DEFAULT_POLICY: Final = Policy()


class ModelHost:
    """The versions of this replica, in memory.

    Every holding has a task of its own that takes it through its life; all tasks
    end with the block of `running`.

    Attributes:
        changes: notified whenever `holdings` shows something else than before, and
            when a version's memory and artifact have been let go.
    """

    def __init__(
        self,
        engine: Engine,
        artifacts: Artifacts,
        retry: Retry,
        batching: Policy = _DEFAULT_POLICY,
    ) -> None:
        self.changes = Notifier()
        self._batching = batching
        self._engine = engine
        self._artifacts = artifacts
        self._retry = retry
        self._holdings = Holdings()
        self._models: dict[Holding, ServedModel] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._group: asyncio.TaskGroup | None = None
        self._loads = asyncio.Semaphore(_LOADS_AT_A_TIME)
        self._losses = 0

    @property
    def platform(self) -> str:
        """Name of the engine, as the protocol's metadata tells it."""
        return self._engine.platform

    @property
    def wanted(self) -> tuple[WantedVersion, ...]:
        """What shall be held, sorted."""
        return self._holdings.wanted

    @property
    def holdings(self) -> list[Holding]:
        """All holdings, by name. For reading only."""
        return list(self._holdings)

    @property
    def memory_bytes(self) -> int:
        """About what all loaded models occupy."""
        return sum(model.memory_bytes for model in self._models.values())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Loads and unloads until left; then unloads everything."""
        async with asyncio.TaskGroup() as self._group:
            for holding in self._holdings:
                self._begin(holding)
            try:
                yield
            finally:
                for task in self._tasks:
                    task.cancel()
        self._group = None
        while self._models:
            _, model = self._models.popitem()
            await model.unload()

    def want(self, wanted: Iterable[WantedVersion], *, whole: bool) -> bool:
        """Takes a new wanted set; see `Holdings.want`.

        Returns:
            whether anything is wanted now that was not before, or the reverse, or
            another version is a champion.
        """
        before = self._told()
        for holding in self._holdings.want(wanted, whole=whole):
            self._begin(holding)
        if before == self._told():
            return False
        self.changes.notify()
        return True

    def _told(self) -> tuple[tuple[WantedVersion, ...], dict[str, int], bool]:
        return self._holdings.wanted, self._holdings.champions, self._holdings.is_told

    def lose_all(self) -> None:
        """Takes note that everything loaded is gone, and has it loaded again.

        For engines that run elsewhere, and die there.
        """
        self._losses += 1
        for holding in self._holdings:
            if holding.state is State.READY:
                holding.lose()
                self._tell(holding)
        self.changes.notify()

    @contextmanager
    def borrow(self, model: str, number: int | None) -> Iterator[tuple[int, ServedModel]]:
        """A ready version, and its number; it stays loaded while the block runs.

        Raises:
            NotFound, Unavailable: as `Holdings.choose` says.
        """
        holding = self._holdings.choose(model, number)
        holding.enter()
        try:
            yield holding.version.name.number, self._models[holding]
        finally:
            holding.leave()
            if holding.may_unload:
                self.changes.notify()

    def ready_versions(self, model: str) -> list[int]:
        """Numbers of the ready versions of a model, ascending; see `Holdings.versions`."""
        return self._holdings.versions(model)

    def statistics(self) -> dict[VersionName, Statistics]:
        """What each loaded version has done since it was loaded, by name."""
        return {
            holding.version.name: self._models[holding].recorder.snapshot()
            for holding in self._holdings
            if holding in self._models
        }

    def _begin(self, holding: Holding) -> None:
        if self._group is not None:
            task = self._group.create_task(self._hold(holding), name=str(holding.version.name))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _hold(self, holding: Holding) -> None:
        while holding.is_wanted:
            model = await self._load(holding)
            if model is None:
                await self._until_retry(holding)
                continue
            self._models[holding] = model
            holding.become_ready()
            self._tell(holding)
            await self._trim()
            await self._until(lambda: holding.may_unload or holding.state is State.WANTED)
            if holding.may_unload:
                break
        # Forgotten before it is unloaded: a version that is wanted again meanwhile
        # is a new holding, and not this one without its model.
        successor = self._holdings.drop(holding)
        self.changes.notify()
        if successor is not None:
            self._begin(successor)
        loaded = self._models.pop(holding, None)
        if loaded is not None:
            await loaded.unload()
            _log.info("version unloaded", extra={"version": str(holding.version.name)})
        elif successor is None:
            await self._engine.forget(holding.version.name)
        await self._trim()
        self.changes.notify()

    async def _load(self, holding: Holding) -> ServedModel | None:
        """The model, warm; None if it could not be loaded, or is not wanted any more."""
        async with self._loads:
            if not holding.is_wanted:
                return None
            holding.begin_loading()
            self._tell(holding)
            losses = self._losses
            try:
                version = holding.version
                artifact = await self._artifacts.get(version.digest, version.size_bytes)
                served = await self._load_warm(version, artifact)
            except (LoadError, AlgoLinkError, OSError) as error:
                holding.fail(str(error))
                self._tell(holding)
                return None
            if self._losses == losses:
                return served
            holding.fail("what it was loaded into is gone")
            self._tell(holding)
            return None

    async def _load_warm(self, version: WantedVersion, artifact: Path) -> ServedModel:
        model = await self._engine.load(version, artifact)
        try:
            await model.warm()
            served = ServedModel(version.name, model, self._batching)
            await served.prove_rows()
        except BaseException:
            await model.unload()
            raise
        return served

    async def _trim(self) -> None:
        """Lets go of artifacts that no holding needs, if there are too many."""
        try:
            await self._artifacts.trim(self._is_held)
        except OSError as error:
            _log.warning("artifacts not trimmed", extra={"error": str(error)})

    def _is_held(self, digest: str) -> bool:
        """Whether a holding has, or is about to load, that artifact."""
        return any(holding.version.digest == digest for holding in self._holdings)

    async def _until_retry(self, holding: Holding) -> None:
        delay_s = self._retry.delay_s(holding.failures) if holding.failures else 0.0
        with suppress(TimeoutError):
            # Replicas that failed together do not come back to the registry together.
            async with asyncio.timeout(delay_s * random.uniform(0.8, 1.2)):  # noqa: S311
                await self._until(lambda: not holding.is_wanted)

    async def _until(self, is_so: Callable[[], bool]) -> None:
        while True:
            seen = self.changes.count
            if is_so():
                return
            await self.changes.wait_beyond(seen)

    def _tell(self, holding: Holding) -> None:
        _log.info(
            "version moved",
            extra={
                "version": str(holding.version.name),
                "state": holding.state.value,
                "reason": holding.message,
            },
        )
        self.changes.notify()
