"""Where a prediction goes, decided in the caller's process. Pure.

The rules, and their order, are those that Envoy applies: a version that the request
names, overrides, audiences, holdout, split, champion. `docs/reference/proxyless.md`
is the same for other languages; one table of test vectors runs against both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from algolink import audience, audience_proto, names, split
from algolink.errors import FailedPrecondition, NotFound
from algolink.router.v1 import router_pb2 as pb

_DEFAULT_TIMEOUT_MS = 30_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Where a request goes.

    Attributes:
        version: number of the version that shall answer.
        bucket: of the unit, where a split decided; None elsewhere.
        experiment: id of the experiment; empty if none took the request.
        phase: allocation phase, from 1; 0 without an experiment.
        arm: id of the arm; empty without an experiment.
        unit: the unit, or the request id where that is the unit; empty without an
            experiment.
    """

    version: int
    bucket: int | None = None
    experiment: str = ""
    phase: int = 0
    arm: str = ""
    unit: str = ""

    def headers(self) -> tuple[tuple[str, str], ...]:
        """What tells channel and replica of it."""
        version = (names.INTERNAL_VERSION_HEADER, str(self.version))
        if self.bucket is None:
            return (version,)
        return (version, (names.INTERNAL_BUCKET_HEADER, str(self.bucket)))


@dataclass(frozen=True, slots=True)
class _Split:
    experiment: str
    phase: int
    salt: str
    per_request: bool
    table: split.Table
    versions: Mapping[str, int]


class Routing:
    """One model's route, ready to be asked often.

    Attributes:
        model: its id.
        revision: digest of the route.
        champion: version for requests that nothing else decides about.
        timeout_s: how long a request may take.
        limitations: what the route says and is not done here, a sentence each.
    """

    def __init__(self, route: pb.Route) -> None:
        """Reads `route`.

        Raises:
            ValueError: if it says what cannot be.
        """
        rules = route.rules
        self.model = route.model
        self.revision = route.revision
        self.champion = route.champion_version
        self.timeout_s = (rules.timeouts.request_ms or _DEFAULT_TIMEOUT_MS) / 1_000
        self.limitations = tuple(route.proxyless_limitations)
        self._versions = frozenset(route.versions)
        self._killed = frozenset(route.killed_versions)
        self._overrides = {each.unit: each.version for each in rules.overrides}
        self._audiences = [
            (tuple(map(audience_proto.from_proto, each.conditions)), each.version)
            for each in rules.audiences
        ]
        self._holdout = rules.holdout if rules.HasField("holdout") else None
        self._split = _split(route.split) if route.HasField("split") else None

    def decide(
        self,
        *,
        unit: str | None = None,
        attributes: Mapping[str, Sequence[str]] | None = None,
        version: int | None = None,
        request_id: str = "",
    ) -> Decision:
        """Where a prediction goes.

        Args:
            unit: well-formed, or None.
            attributes: all values of each attribute, by its name.
            version: that the caller asks for.
            request_id: the unit, where each request is its own.

        Raises:
            FailedPrecondition: VERSION_KILLED.
            NotFound: VERSION_NOT_SERVED.
        """
        if version is not None:
            return self._named(version)
        if unit is not None and unit in self._overrides:
            return Decision(version=self._alive(self._overrides[unit]))
        for conditions, chosen in self._audiences:
            if audience.matches(conditions, attributes or {}):
                if chosen:
                    return Decision(version=self._alive(chosen))
                break
        if self._split is None or self._is_held_out(unit):
            return Decision(version=self.champion)
        hashed = request_id if self._split.per_request else unit
        if hashed is None:
            return Decision(version=self.champion)
        return self._assigned(self._split, hashed)

    def _named(self, version: int) -> Decision:
        if version in self._killed:
            raise FailedPrecondition(
                "VERSION_KILLED",
                f"version {version} of model {self.model} is killed",
                model=self.model,
                version=version,
            )
        if version not in self._versions:
            served = ", ".join(map(str, sorted(self._versions)))
            raise NotFound(
                "VERSION_NOT_SERVED",
                f"model {self.model} has no version {version} here: ask for one of {served}, "
                "or for none to let the route decide",
                model=self.model,
                version=version,
            )
        return Decision(version=version)

    def _alive(self, version: int) -> int:
        return self.champion if version in self._killed else version

    def _is_held_out(self, unit: str | None) -> bool:
        holdout = self._holdout
        return (
            holdout is not None
            and unit is not None
            and split.is_held_out(holdout.layer, unit, holdout.share_bp)
        )

    def _assigned(self, routed: _Split, hashed: str) -> Decision:
        bucket = split.bucket(routed.salt, hashed)
        arm = routed.table.arm_of(bucket)
        version = self._alive(routed.versions[arm])
        if not routed.experiment:
            return Decision(version=version, bucket=bucket)
        return Decision(
            version=version,
            bucket=bucket,
            experiment=routed.experiment,
            phase=routed.phase,
            arm=arm,
            unit=hashed,
        )


def _split(message: pb.Split) -> _Split:
    return _Split(
        experiment=message.experiment.removeprefix("experiments/"),
        phase=message.phase,
        salt=message.salt,
        per_request=message.per_request,
        table=split.Table(tuple(split.Segment(s.start, s.end, s.arm) for s in message.segments)),
        versions={segment.arm: segment.version for segment in message.segments},
    )
