"""Whatever happens, in whatever order, what must hold holds."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from algolink import split
from algolink.errors import AlgoLinkError
from mesh.table import ModelRoute, Shadow
from router_svc.domain import ruling
from router_svc.domain import traffic as rules
from router_svc.domain.rules import Rules
from router_svc.domain.state import State, advance
from router_svc.domain.traffic import Standing, Traffic
from router_svc.domain.world import (
    Experiment,
    ExperimentState,
    Loaded,
    LoadState,
    Model,
    Policy,
    Replica,
    World,
)
from tests.router_svc.builders import (
    NOON,
    a_model,
    a_replica,
    a_version,
    an_audience,
    an_experiment,
)

POLICY = Policy(unload_delay=timedelta(seconds=2))
VERSIONS = (1, 2, 3)

numbers = st.none() | st.sampled_from(VERSIONS)
fallbacks = st.none() | st.sampled_from((0, *VERSIONS))


def rules_of(
    override: int | None, audience: int | None, shadow: int | None, fallback: int | None
) -> Rules:
    """Rules that name these versions; `fallback` 0 is the champion, None is nobody."""
    return Rules(
        overrides={} if override is None else {"ann": override},
        audiences=() if audience is None else (an_audience(version=audience),),
        shadow=None if shadow is None else Shadow(version=shadow, share_bp=100),
        falls_back=fallback is not None,
        fallback=fallback or None,
    )


replica_states = st.sampled_from([None, *LoadState])
events = st.lists(
    st.one_of(
        st.tuples(st.just("champion"), st.sampled_from(VERSIONS)),
        st.tuples(st.just("canary"), st.sampled_from(VERSIONS)),
        st.tuples(
            st.just("experiment"),
            st.sampled_from(list(ExperimentState)),
            st.integers(0, split.BUCKETS),
        ),
        st.tuples(
            st.just("replica"),
            st.sampled_from(["r1", "r2"]),
            st.fixed_dictionaries(dict.fromkeys(VERSIONS, replica_states)),
        ),
        st.tuples(st.just("draining"), st.sampled_from(["r1", "r2"])),
        st.tuples(st.just("seconds"), st.integers(1, 8)),
        st.tuples(st.just("acknowledge"), st.integers(0, 3)),
        st.tuples(st.just("forget"), st.sampled_from(["models", "experiments"])),
        st.tuples(st.just("shift"), st.sampled_from(VERSIONS), st.integers(0, split.BUCKETS)),
        st.tuples(st.just("kill"), st.sampled_from(VERSIONS), st.sampled_from((0, *VERSIONS))),
        st.tuples(st.just("revive"), st.sampled_from(VERSIONS)),
        st.tuples(st.just("frozen"), st.booleans()),
        st.tuples(st.just("rules"), st.none() | st.builds(rules_of, *[numbers] * 3, fallbacks)),
    ),
    max_size=25,
)


@dataclass
class History:
    """A router's life, driven by events."""

    state: State = field(default_factory=State)
    at: datetime = NOON
    acknowledged: int = 0
    model: Model | None = field(default_factory=a_model)
    experiment: Experiment | None = None
    replicas: dict[str, Replica] = field(default_factory=dict)
    traffic: Traffic = field(default_factory=lambda: Traffic(model="digits"))

    def take(self, event: tuple[object, ...]) -> None:
        match event:
            case ("champion", int(number)):
                canary = self.model.aliases.get("canary", 1) if self.model else 1
                self.model = a_model(champion=number, aliases={"canary": canary})
            case ("canary", int(number)):
                champion = (self.model and self.model.champion) or 1
                self.model = a_model(champion=champion, aliases={"canary": number})
            case ("experiment", ExperimentState() as state, int(challenger_bp)):
                self.experiment = an_experiment(
                    state=state,
                    winner="challenger",
                    weights={
                        "control": split.BUCKETS - challenger_bp,
                        "challenger": challenger_bp,
                    },
                    promoted_model_revision=2 if state is ExperimentState.CONCLUDED else 0,
                )
            case ("replica", str(name), dict(loaded)):
                replica = a_replica(name, renewed=self.at)
                self.replicas[name] = Replica(
                    id=replica.id,
                    pool=replica.pool,
                    grpc=replica.grpc,
                    http=replica.http,
                    versions={a_version(n): Loaded(s) for n, s in loaded.items() if s is not None},
                    renewed=self.at,
                )
            case ("draining", str(name)):
                self.replicas[name] = a_replica(name, renewed=self.at, draining=True)
            case ("seconds", int(seconds)):
                self.at += timedelta(seconds=seconds)
            case ("acknowledge", int(behind)):
                newest = max(self.state.sequence - behind, 0)
                self.acknowledged = max(self.acknowledged, newest)
            case ("forget", "models"):
                self.model = None
            case ("forget", "experiments"):
                self.experiment = None
            case ("shift" | "rules" | "kill" | "revive" | "frozen", *_):
                with contextlib.suppress(AlgoLinkError):
                    self.traffic = self.decide(event)

    def decide(self, event: tuple[object, ...]) -> Traffic:
        route = self.state.snapshot.routes.get("digits")
        standing = Standing(
            versions=VERSIONS,
            served=route.versions if route else (),
            champion=route.champion if route else None,
        )
        match event:
            case ("shift", int(number), int(share_bp)):
                weights = {1: split.BUCKETS - share_bp}
                weights[number] = weights.get(number, 0) + share_bp
                return rules.shift(self.traffic, weights, standing)
            case ("rules", Rules() as wanted):
                return ruling.set_rules(self.traffic, wanted, standing)
            case ("rules", None):
                return ruling.clear_rules(self.traffic)
            case ("kill", int(number), int(to)):
                return rules.kill(self.traffic, number, standing, to=to)
            case ("revive", int(number)):
                return rules.revive(self.traffic, number)
            case ("frozen", True):
                return rules.freeze(self.traffic, standing)
        return rules.unfreeze(self.traffic)

    def world(self) -> World:
        return World(
            models={self.model.id: self.model} if self.model else {},
            experiments={self.experiment.id: self.experiment} if self.experiment else {},
            replicas=tuple(self.replicas.values()),
            traffic={"digits": self.traffic},
        )

    def advance(self) -> State:
        return advance(
            self.state,
            self.world(),
            at=self.at,
            settling=False,
            acknowledged=self.acknowledged,
            policy=POLICY,
        ).state


def states(
    history: History, happened: Iterable[tuple[object, ...]]
) -> Iterable[tuple[State, State]]:
    for event in happened:
        history.take(event)
        before, history.state = history.state, history.advance()
        yield before, history.state


def answering(route: ModelRoute) -> set[int]:
    """Every version that some request of the route goes to."""
    return {route.champion, *route.versions, *(route.unkilled(n) for n in route.named())}


@given(events)
@settings(max_examples=300, deadline=None)
def test_what_must_hold_holds_after_every_event(happened: list[tuple[object, ...]]) -> None:
    history = History()
    for before, after in states(history, happened):
        route = after.snapshot.routes.get("digits")

        # What was served once is served for good: nothing here deletes the model.
        assert not (before.snapshot.routes and route is None)

        if route is not None:
            earlier = before.snapshot.routes.get("digits")
            known = set(earlier.versions) if earlier else set()
            alive = [
                r for r in history.replicas.values() if r.alive(at=history.at, lease=POLICY.lease)
            ]
            # Nothing newly routed is not ready on every replica that is alive.
            for number in set(route.versions) - known:
                assert alive
                assert all(replica.is_ready(a_version(number)) for replica in alive)
            # What is killed answers nobody.
            assert answering(route).isdisjoint(history.traffic.killed)
            # What is frozen changes by kills alone.
            if history.traffic.frozen and earlier and set(earlier.killed) == set(route.killed):
                assert route == earlier
            # Everything routed is wanted.
            assert {a_version(number) for number in route.versions} <= after.wanted.keys()

        # The last endpoint never goes.
        endpoints = [
            s.snapshot.pools["default"].grpc if s.sequence else () for s in (before, after)
        ]
        assert not (endpoints[0] and not endpoints[1])

        # Nothing is unloaded that an Envoy may still route to.
        for version in before.wanted.keys() - after.wanted.keys():
            drain = before.drains.get(version)
            assert drain is None or history.acknowledged >= drain.sequence


@given(events)
@settings(max_examples=200, deadline=None)
def test_advancing_twice_settles(happened: list[tuple[object, ...]]) -> None:
    history = History()
    for _ in states(history, happened):
        pass

    # An unload may free a version to be loaded anew, so it takes a few steps.
    for _ in range(4):
        history.state = history.advance()

    assert history.advance() is history.state
