"""What people decide about a model's traffic: shifts, rules, kills, freezes."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from algolink import names, split
from algolink.errors import Aborted, FailedPrecondition, InvalidArgument, NotFound
from algolink.split import BUCKETS, Table
from router_svc.domain.rules import Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Shares of a model's traffic that are no experiment.

    Attributes:
        salt: of the bucket function; the same for as long as the shift lasts, so
            that a ramp moves only the units that it must.
        per_request: whether each request is its own unit.
        table: arm (`arm_of`) of each bucket.
        revision: of the `Traffic` that it was made in.
    """

    salt: str
    per_request: bool
    table: Table
    revision: int

    @property
    def versions(self) -> dict[str, int]:
        """Version of each arm that has a share."""
        return {arm: version_of(arm) for arm in self.table.weights()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What is decided for one model.

    Attributes:
        revision: counts decisions from 1; 0 where there was none.
        rules: `None` without any.
        killed: by killed version, the one that answers where it was champion.
        frozen: whether the route stays as it is, kills excepted.
    """

    model: str
    revision: int = 0
    shift: Shift | None = None
    rules: Rules | None = None
    killed: Mapping[int, int] = field(default_factory=dict)
    frozen: bool = False

    @property
    def etag(self) -> str:
        """Differs for every decision."""
        return f"r{self.revision}"

    def stand_in(self, version: int) -> int:
        """`version`, or what answers in its place while it is killed.

        What stands in was alive when it was named, so this always ends.
        """
        while version in self.killed:
            version = self.killed[version]
        return version


class Action(enum.StrEnum):
    """What somebody did."""

    SHIFT = "shift"
    CLEAR = "clear"
    SET_RULES = "set-rules"
    CLEAR_RULES = "clear-rules"
    KILL = "kill"
    REVIVE = "revive"
    FREEZE = "freeze"
    UNFREEZE = "unfreeze"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One entry of the history.

    Attributes:
        traffic: what held from then on.
        version: that was killed or revived; 0 for the other actions.
        caller: name of the token; empty without one.
        reason: in the caller's words.
        time: UTC.
        number: its place among all decisions, from 1; 0 before it is written.
    """

    traffic: Traffic
    action: Action
    version: int = 0
    caller: str = ""
    reason: str = ""
    time: datetime
    number: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a decision has to respect.

    Attributes:
        versions: that exist.
        archived: those of them that nothing new may name.
        served: that may be asked for by number now.
        champion: that answers now; `None` while nothing is routed.
        experiment: id of the one that splits the traffic, or shall; empty without.
    """

    versions: Collection[int]
    archived: Collection[int] = ()
    served: Collection[int] = ()
    champion: int | None = None
    experiment: str = ""


def arm_of(version: int) -> str:
    """Id of a shift's arm.

    >>> arm_of(2), version_of("v2")
    ('v2', 2)
    """
    return f"v{version}"


def version_of(arm: str) -> int:
    """Version of a shift's arm; the inverse of `arm_of`."""
    return int(arm.removeprefix("v"))


def check_etag(traffic: Traffic, etag: str) -> None:
    """Checks that nothing was decided since; an empty etag always passes.

    Raises:
        Aborted: ETAG_MISMATCH.
    """
    if etag and etag != traffic.etag:
        raise Aborted(
            "ETAG_MISMATCH",
            f"the traffic of {traffic.model} has changed: its etag is {traffic.etag}, "
            f"not {names.shown(etag)}",
            model=traffic.model,
            etag=traffic.etag,
            requested=names.shown(etag),
        )


def meanwhile(decision: Decision) -> Aborted:
    """What to say if a decision of the same revision was written first."""
    model, requested = decision.traffic.model, f"r{decision.traffic.revision - 1}"
    return Aborted(
        "ETAG_MISMATCH",
        f"somebody else decided about the traffic of {model} meanwhile: look, then try again",
        model=model,
        requested=requested,
    )


def shift(
    traffic: Traffic,
    weights: Mapping[int, int],
    standing: Standing,
    *,
    per_request: bool | None = None,
) -> Traffic:
    """Gives versions shares of the traffic; only the units that must move do.

    The first shift starts from a table in which the champion has everything.

    Args:
        weights: basis points by version, summing to 10,000.
        per_request: whether each request is its own unit; `None` leaves it as it
            is, by header at first.

    Raises:
        InvalidArgument: WEIGHTS_INVALID.
        NotFound: VERSION_NOT_FOUND.
        FailedPrecondition: EXPERIMENT_RUNNING, TRAFFIC_FROZEN, VERSION_ARCHIVED,
            VERSION_KILLED or TABLE_TOO_FRAGMENTED.
    """
    split.check_weights({str(version): weight_bp for version, weight_bp in weights.items()})
    check_not_frozen(traffic)
    if standing.experiment:
        raise FailedPrecondition(
            "EXPERIMENT_RUNNING",
            f"experiments/{standing.experiment} splits the traffic of {traffic.model}: "
            "ramp it, or stop it first",
            model=traffic.model,
            experiment=f"experiments/{standing.experiment}",
        )
    arms = {arm_of(version): weight_bp for version, weight_bp in weights.items() if weight_bp}
    for arm in arms:
        check_nameable(traffic, version_of(arm), standing)
    before = traffic.shift
    revision = traffic.revision + 1
    table = _before(before, standing)
    shifted = Shift(
        salt=before.salt if before else f"shift-{traffic.model}-{revision}",
        per_request=(before is not None and before.per_request)
        if per_request is None
        else per_request,
        table=split.resize(table, arms) if table else split.allocate(arms),
        revision=before.revision if before else revision,
    )
    if shifted == before:
        return traffic
    return replace(traffic, revision=revision, shift=replace(shifted, revision=revision))


def clear(traffic: Traffic) -> Traffic:
    """Ends the shift: the champion gets all traffic.

    Raises:
        FailedPrecondition: TRAFFIC_FROZEN.
    """
    check_not_frozen(traffic)
    if traffic.shift is None:
        return traffic
    return replace(traffic, revision=traffic.revision + 1, shift=None)


def kill(traffic: Traffic, version: int, standing: Standing, *, to: int = 0) -> Traffic:
    """Takes a version out of everything, frozen or not.

    Args:
        to: version that takes over where the killed one is, or becomes, the
            champion; 0 for the present champion.

    Raises:
        InvalidArgument: REPLACEMENT_INVALID, if `to` is the version itself.
        NotFound: VERSION_NOT_FOUND, or ROUTE_NOT_FOUND if nothing is routed.
        FailedPrecondition: REPLACEMENT_NEEDED, to kill the champion without one;
            REPLACEMENT_NOT_SERVED, if `to` would first have to be loaded;
            VERSION_KILLED, if `to` is killed itself.
    """
    check_exists(traffic.model, version, standing)
    if standing.champion is None:
        raise NotFound("ROUTE_NOT_FOUND", f"nothing serves {traffic.model}", model=traffic.model)
    if version in traffic.killed and to in (0, traffic.killed[version]):
        return traffic
    champion = traffic.stand_in(standing.champion)  # the table may not know of a kill yet
    if version == champion and not to:
        raise FailedPrecondition(
            "REPLACEMENT_NEEDED",
            f"version {version} is the champion of {traffic.model}: "
            "name the version that takes over",
            model=traffic.model,
            version=version,
        )
    if to == version:
        raise InvalidArgument(
            "REPLACEMENT_INVALID", f"version {version} cannot take over from itself", version=to
        )
    if to:
        _check_replacement(traffic, to, standing)
    killed = {**traffic.killed, version: to or champion}
    return replace(traffic, revision=traffic.revision + 1, killed=killed)


def revive(traffic: Traffic, version: int) -> Traffic:
    """Takes a kill back; one that is not killed changes nothing."""
    if version not in traffic.killed:
        return traffic
    killed = {other: to for other, to in traffic.killed.items() if other != version}
    return replace(traffic, revision=traffic.revision + 1, killed=killed)


def freeze(traffic: Traffic, standing: Standing) -> Traffic:
    """Keeps the route as it is, whatever is heard.

    Raises:
        NotFound: ROUTE_NOT_FOUND, if there is nothing to keep.
    """
    if standing.champion is None:
        raise NotFound("ROUTE_NOT_FOUND", f"nothing serves {traffic.model}", model=traffic.model)
    if traffic.frozen:
        return traffic
    return replace(traffic, revision=traffic.revision + 1, frozen=True)


def unfreeze(traffic: Traffic) -> Traffic:
    """Lets the route follow again."""
    if not traffic.frozen:
        return traffic
    return replace(traffic, revision=traffic.revision + 1, frozen=False)


def check_exists(model: str, version: int, standing: Standing) -> None:
    """Checks that the version is one of the model's.

    Raises:
        NotFound: VERSION_NOT_FOUND.
    """
    if version not in standing.versions:
        raise NotFound(
            "VERSION_NOT_FOUND",
            f"no version {version} of {model} is known",
            model=model,
            version=version,
        )


def check_nameable(traffic: Traffic, version: int, standing: Standing) -> None:
    """Checks that traffic can be given to the version.

    Raises:
        NotFound: VERSION_NOT_FOUND.
        FailedPrecondition: VERSION_ARCHIVED or VERSION_KILLED.
    """
    check_exists(traffic.model, version, standing)
    if version in standing.archived:
        raise FailedPrecondition(
            "VERSION_ARCHIVED",
            f"version {version} of {traffic.model} is archived: restore it first",
            model=traffic.model,
            version=version,
        )
    _check_alive(traffic, version)


def check_not_frozen(traffic: Traffic) -> None:
    """Checks that decisions other than kills may change the route.

    Raises:
        FailedPrecondition: TRAFFIC_FROZEN.
    """
    if traffic.frozen:
        raise FailedPrecondition(
            "TRAFFIC_FROZEN",
            f"the traffic of {traffic.model} is frozen: unfreeze it first",
            model=traffic.model,
        )


def _before(shift: Shift | None, standing: Standing) -> Table | None:
    if shift is not None:
        return shift.table
    if standing.champion is not None:
        return split.allocate({arm_of(standing.champion): BUCKETS})
    return None


def _check_replacement(traffic: Traffic, to: int, standing: Standing) -> None:
    check_exists(traffic.model, to, standing)
    _check_alive(traffic, to)
    if to not in standing.served:
        raise FailedPrecondition(
            "REPLACEMENT_NOT_SERVED",
            f"version {to} of {traffic.model} is not served: a kill waits for nothing, so what "
            "takes over must be; point an alias at it first",
            model=traffic.model,
            version=to,
        )


def _check_alive(traffic: Traffic, version: int) -> None:
    if version in traffic.killed:
        raise FailedPrecondition(
            "VERSION_KILLED",
            f"version {version} of {traffic.model} is killed: revive it first",
            model=traffic.model,
            version=version,
        )
