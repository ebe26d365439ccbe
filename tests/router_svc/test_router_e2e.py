"""The router with a real Envoy: changes under load lose no request."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from algolink.router.v1 import router_pb2
from router_svc.domain.world import ExperimentState
from tests.router_svc.builders import a_model, a_version, an_experiment
from tests.router_svc.neighbours import Announcer, until
from tests.router_svc.neighbours import running as during
from tests.router_svc.stack import TOKEN, stack
from tests.router_svc.upstream import Upstream

pytestmark = pytest.mark.e2e


async def test_fifty_ramps_under_load_lose_no_request_and_answer_as_explained(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    async with stack(tmp_path) as running:
        running.neighbours.show_model(a_model(champion=1))
        await running.until_live(champion=1)
        latencies_ms = []
        async with running.load() as load:
            for ramp in range(1, 51):
                shown = time.perf_counter()
                running.neighbours.show_experiment(
                    an_experiment(
                        weights={"control": 10_000 - 150 * ramp, "challenger": 150 * ramp},
                        phase=ramp,
                        revision=ramp,
                    )
                )
                async for message in running.routes.WatchRoutes(router_pb2.WatchRoutesRequest()):
                    if message.route.live and message.route.split.phase == ramp:
                        break
                latencies_ms.append(1_000 * (time.perf_counter() - shown))

        latencies_ms.sort()
        record_property("change_to_acknowledged_median_ms", latencies_ms[25])
        record_property("change_to_acknowledged_max_ms", latencies_ms[-1])
        assert load.failures == []
        assert set(load.versions) == {"1", "2"}
        for number in range(200):
            explained = await running.routes.Explain(
                router_pb2.ExplainRequest(model="digits", unit=f"unit-{number}")
            )
            assert await running.predict(f"unit-{number}") == str(explained.version)


async def test_models_come_and_go_without_disturbing_another(tmp_path: Path) -> None:
    async with stack(tmp_path, unload_delay_s=0.05) as running:
        running.neighbours.show_model(a_model(champion=1))
        await running.until_live(champion=1)
        async with running.load() as load:
            for round_number in range(1, 6):
                running.neighbours.show_model(a_model("iris", champion=1, revision=round_number))
                await running.until_live(champion=1, model="iris")
                assert await running.predict("u1", "iris") == "1"
                running.neighbours.delete_model("iris")
                await until(
                    lambda: all(a_version(1, "iris") not in a.wanted for a in running.announcers)
                )

        assert load.failures == []
        assert set(load.versions) == {"1"}


async def test_a_promotion_under_load_loses_no_request(tmp_path: Path) -> None:
    async with stack(tmp_path, unload_delay_s=0.05) as running:
        running.neighbours.show_model(a_model(champion=1, revision=1))
        await running.until_live(champion=1)
        async with running.load() as load:
            running.neighbours.show_experiment(an_experiment(revision=1))
            await until(lambda: "2" in load.versions)
            running.neighbours.show_experiment(
                an_experiment(
                    state=ExperimentState.CONCLUDED,
                    winner="challenger",
                    promoted_model_revision=2,
                    revision=3,
                )
            )
            running.neighbours.show_model(a_model(champion=2, revision=2))
            await running.until_live(champion=2)
            already = len(load.versions)
            await until(lambda: all(a_version(1) not in a.wanted for a in running.announcers))
            await until(lambda: len(load.versions) > already + 50)

        assert load.failures == []
        assert set(load.versions[already + 4 :]) == {"2"}


async def test_a_pool_that_changes_its_kind_under_load_answers_nothing_wrong(
    tmp_path: Path,
) -> None:
    async with (
        stack(tmp_path, replica_count=1) as running,
        Upstream.serving(foreign=True) as foreign,
    ):
        ours, native = running.announcers[0], running.upstreams[0]
        theirs = Announcer("triton-1", foreign.grpc, foreign.http, foreign=True)
        running.neighbours.show_model(a_model(champion=1))
        running.neighbours.show_experiment(an_experiment())
        await running.until_live(champion=1)
        async with running.load() as load, during(theirs.run(running.router.address, TOKEN)):
            await until(lambda: "2" in load.versions and len(theirs.wanted) == 2)
            for leaving, upstream in ((ours, foreign), (theirs, native)):
                answered = upstream.answered
                leaving.drain()
                await until(
                    lambda upstream=upstream, answered=answered: (  # type: ignore[misc]
                        upstream.answered > answered + 200
                    )
                )
                leaving.draining = False
            units = [f"unit-{number}" for number in range(100)]
            answers = [await running.predict(unit) for unit in units]
            expected = [
                await running.routes.Explain(router_pb2.ExplainRequest(model="digits", unit=unit))
                for unit in units
            ]

        assert load.failures == []
        assert set(load.versions) == {"1", "2"}
        assert answers == [str(explained.version) for explained in expected]


async def test_a_router_that_is_killed_and_restarted_under_load_loses_no_request(
    tmp_path: Path,
) -> None:
    async with stack(tmp_path) as running:
        running.neighbours.show_model(a_model(champion=1))
        running.neighbours.show_experiment(an_experiment())

        async def is_split() -> bool:
            return (await running.until_live(champion=1)).HasField("split")

        await until(is_split)
        before = await running.until_live(champion=1)
        async with running.load() as load:
            for _ in range(2):
                await running.router.kill()
                served = len(load.versions)
                await until(lambda served=served: len(load.versions) > served + 100)  # type: ignore[misc]
                await running.router.start()
                after = await running.until_live(champion=1)
            running.neighbours.show_model(a_model(champion=3, revision=2))
            await running.until_live(champion=3)

        assert load.failures == []
        assert after.revision == before.revision
        assert after.update_time == before.update_time
