"""All versions on this replica: what shall be here, and which one answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from algolink.errors import NotFound, Unavailable
from algolink.names import VersionName, shown
from inference_svc.domain.holding import Holding, State, WantedVersion


class Holdings:
    """An index of holdings by name, driven by values: it does nothing by itself.

    Attributes:
        is_told: whether anybody has said what shall be held. Until then nothing
            is known not to exist.
    """

    def __init__(self) -> None:
        self.is_told = False
        self._wanted: dict[VersionName, WantedVersion] = {}
        self._by_model: dict[str, dict[int, Holding]] = {}
        self._champions: dict[str, int] = {}

    @property
    def wanted(self) -> tuple[WantedVersion, ...]:
        """What shall be held, sorted."""
        return tuple(sorted(self._wanted.values()))

    @property
    def champions(self) -> dict[str, int]:
        """Number of the version that answers where none is named, by model."""
        return self._champions

    def __iter__(self) -> Iterator[Holding]:
        """All holdings, those that are about to go included, by name."""
        for _, versions in sorted(self._by_model.items()):
            for _, holding in sorted(versions.items()):
                yield holding

    def find(self, name: VersionName) -> Holding | None:
        """The holding of that name, if there is one."""
        return self._by_model.get(name.model, {}).get(name.number)

    def want(self, wanted: Iterable[WantedVersion], *, whole: bool) -> list[Holding]:
        """Takes a new wanted set; returns holdings that are new.

        Args:
            wanted: versions to hold.
            whole: True if everything else shall go; False if the speaker does
                not know the whole set yet, which withdraws nothing.
        """
        told = {version.name: version for version in wanted}
        self._wanted = told if whole else self._wanted | told
        self._champions = {
            v.name.model: v.name.number for v in self._wanted.values() if v.is_champion
        }
        self.is_told = self.is_told or whole
        for holding in self:
            if self._wanted.get(holding.version.name) != holding.version:
                holding.unwant()
            elif not holding.is_wanted:
                holding.want_again()
        missing = [v for name, v in sorted(self._wanted.items()) if self.find(name) is None]
        return [self._add(version) for version in missing]

    def drop(self, holding: Holding) -> Holding | None:
        """Forgets a holding that has gone.

        Returns:
            the holding that takes its place: while it went, another artifact was
            wanted under its name.
        """
        name = holding.version.name
        versions = self._by_model[name.model]
        del versions[name.number]
        if not versions:
            del self._by_model[name.model]
        successor = self._wanted.get(name)
        return self._add(successor) if successor is not None else None

    def choose(self, model: str, number: int | None) -> Holding:
        """The holding that answers a request.

        Args:
            model: id of the model.
            number: the version asked for; None for the champion, or the newest
                that is ready while no champion is known.

        Raises:
            NotFound: MODEL_NOT_FOUND or VERSION_NOT_FOUND.
            Unavailable: LOADING, LOAD_FAILED, UNLOADING or NOT_PLACED: not here,
                or not yet.
        """
        versions = self._by_model.get(model)
        if versions is None:
            raise self._no_model(model)
        if number is None:
            number = self.champions.get(model)
            if number not in versions:
                return _newest(versions)
        holding = versions.get(number)
        if holding is None:
            raise self._no_version(model, number, versions)
        if holding.state is not State.READY:
            raise _not_ready(holding)
        return holding

    def versions(self, model: str) -> list[int]:
        """Numbers of the ready versions of `model`, ascending.

        Raises:
            NotFound: MODEL_NOT_FOUND.
            Unavailable: NOT_PLACED.
        """
        versions = self._by_model.get(model)
        if versions is None:
            raise self._no_model(model)
        return sorted(n for n, holding in versions.items() if holding.state is State.READY)

    def _add(self, version: WantedVersion) -> Holding:
        holding = Holding(version)
        self._by_model.setdefault(version.name.model, {})[version.name.number] = holding
        return holding

    def _no_model(self, model: str) -> NotFound | Unavailable:
        if not self.is_told:
            return _not_placed(model)
        return NotFound(
            "MODEL_NOT_FOUND", f"there is no model {shown(model)} here", model=shown(model)
        )

    def _no_version(
        self, model: str, number: int, versions: dict[int, Holding]
    ) -> NotFound | Unavailable:
        if not self.is_told:
            return _not_placed(model)
        here = ", ".join(str(n) for n in sorted(versions))
        return NotFound(
            "VERSION_NOT_FOUND",
            f"{model} has no version {number} here; it has {here}",
            model=model,
            version=number,
        )


def _newest(versions: dict[int, Holding]) -> Holding:
    ready = [n for n, holding in versions.items() if holding.state is State.READY]
    if not ready:
        raise _not_ready(versions[max(versions)])
    return versions[max(ready)]


def _not_ready(holding: Holding) -> Unavailable:
    name = holding.version.name
    metadata = {"model": name.model, "version": name.number}
    if not holding.is_wanted:
        return Unavailable("UNLOADING", f"{name} is being taken out of this replica", **metadata)
    if holding.failures:
        return Unavailable(
            "LOAD_FAILED", f"{name} could not be loaded: {holding.message}", **metadata
        )
    return Unavailable("LOADING", f"{name} is being loaded", **metadata)


def _not_placed(model: str) -> Unavailable:
    return Unavailable(
        "NOT_PLACED",
        f"this replica has not been told yet whether to hold {shown(model)}",
        model=shown(model),
    )
