"""What every store does alike: in memory, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest

from algolink.errors import AlreadyExists, FailedPrecondition, NotFound
from algolink.names import ExperimentName, ModelName
from experiment_svc.domain import experiments
from experiment_svc.domain.aggregates import Aggregates, Cell
from experiment_svc.domain.experiments import Experiment, State
from experiment_svc.domain.facts import Exposure, Kind, Outcome, Receipt
from experiment_svc.domain.metrics import Aggregation
from experiment_svc.stats.moments import Moments
from experiment_svc.store import Position, Store
from experiment_svc.store_memory import MemoryStore
from tests.experiment_svc.builders import (
    NOON,
    a_draft,
    a_metric,
    a_running,
    a_verdict,
    an_exposure,
    an_outcome,
)

LATER = NOON + timedelta(days=1)


async def add(store: Store, experiment: Experiment) -> Experiment:
    async with store.transaction() as tx:
        return await tx.add_experiment(experiment)


async def put(store: Store, experiment: Experiment) -> Experiment:
    async with store.transaction() as tx:
        return await tx.put_experiment(experiment)


async def get(store: Store, name: str = "digits") -> Experiment:
    async with store.reading() as reading:
        return await reading.get_experiment(ExperimentName(name))


async def expose(store: Store, *exposures: Exposure) -> Receipt:
    async with store.transaction() as tx:
        return await tx.add_exposures(exposures, node="node-1")


async def happen(store: Store, *outcomes: Outcome) -> Receipt:
    async with store.transaction() as tx:
        (receipt,) = await tx.add_outcomes([outcomes])
        return receipt


async def aggregates(store: Store, experiment: Experiment, **span: float) -> Aggregates:
    """As they are that long after NOON."""
    async with store.reading() as reading:
        return await reading.get_aggregates(experiment, at=NOON + timedelta(**span))


async def cell(store: Store, experiment: Experiment, **span: float) -> Cell:
    found = await aggregates(store, experiment, **span)
    ((only,),) = found.cells.values()
    return only


def after(**span: float) -> timedelta:
    return timedelta(**span)


class TestExperiments:
    async def test_what_was_stored_comes_back(self, store: Store) -> None:
        running = a_running()
        await add(store, running)
        verdict = a_verdict()
        concluded = experiments.promoted(
            experiments.conclude(await get(store), verdict, at=LATER), model_revision=4, at=LATER
        )

        saved = await put(store, concluded)

        assert saved.revision == 2
        assert await get(store) == saved
        assert saved.verdict == verdict

    async def test_an_unknown_one_is_not_found(self, store: Store) -> None:
        with pytest.raises(NotFound) as caught:
            await get(store, "nothing")

        assert caught.value.reason == "EXPERIMENT_NOT_FOUND"

    async def test_an_id_is_given_once(self, store: Store) -> None:
        await add(store, a_draft())

        with pytest.raises(AlreadyExists) as caught:
            await add(store, a_draft(description="another"))

        assert caught.value.reason == "EXPERIMENT_EXISTS"
        assert (await get(store)).description == ""

    async def test_a_model_has_one_routed_experiment(self, store: Store) -> None:
        await add(store, a_running(name="first"))
        second = await add(store, a_draft(name="second"))

        with pytest.raises(FailedPrecondition) as caught:
            await put(store, experiments.start(second, at=NOON))

        assert caught.value.reason == "MODEL_HAS_RUNNING_EXPERIMENT"
        assert caught.value.metadata["running"] == "experiments/first"
        assert (await get(store, "second")).state is State.DRAFT

    async def test_of_two_started_at_once_one_runs(self, store: Store) -> None:
        names = [f"e{number}" for number in range(6)]
        for name in names:
            await add(store, a_draft(name=name))

        async def start(name: str) -> bool:
            try:
                async with store.transaction() as tx:
                    draft = await tx.get_experiment(ExperimentName(name))
                    await tx.put_experiment(experiments.start(draft, at=NOON))
            except FailedPrecondition as error:
                assert error.reason == "MODEL_HAS_RUNNING_EXPERIMENT"  # noqa: PT017
                return False
            return True

        started = await asyncio.gather(*(start(name) for name in names))

        assert sum(started) == 1

    async def test_a_model_is_free_after_a_stop(self, store: Store) -> None:
        first = await add(store, a_running(name="first"))
        await put(store, experiments.stop(first, at=NOON))

        await put(store, experiments.start(await add(store, a_draft(name="second")), at=NOON))

        assert (await get(store, "second")).state is State.RUNNING

    async def test_a_list_is_newest_first_and_comes_in_pages(self, store: Store) -> None:
        for hour, name in enumerate(["a", "b", "c", "d"]):
            await add(store, a_draft(name=name, model=name, at=NOON + after(hours=hour)))

        async with store.reading() as reading:
            first = await reading.list_experiments(limit=2)
            oldest = int((first[-1].create_time.timestamp()) * 1_000_000)
            rest = await reading.list_experiments(limit=9, before=Position(oldest, "c"))
            of_b = await reading.list_experiments(limit=9, model=ModelName("b"))

        assert [str(item.name) for item in first] == ["experiments/d", "experiments/c"]
        assert [str(item.name) for item in rest] == ["experiments/b", "experiments/a"]
        assert [str(item.name) for item in of_b] == ["experiments/b"]

    async def test_changes_are_the_latest_states_in_order_without_evidence(
        self, store: Store
    ) -> None:
        first = await add(store, a_running(name="first", model="m1"))
        await add(store, a_running(name="second", model="m2"))
        await put(store, experiments.conclude(first, a_verdict(), at=LATER))

        async with store.reading() as reading:
            everything = await reading.changes_since(0)
            _, head = await reading.head()
            since = await reading.changes_since(everything[0].revision)

        assert [str(change.item.name) for change in everything] == [
            "experiments/second",
            "experiments/first",
        ]
        assert everything[-1].revision == head
        assert [change.item.name for change in since] == [first.name]
        verdict = since[0].item.verdict
        assert verdict is not None
        assert (verdict.evidence, verdict.digest) == ("", a_verdict().digest)

    async def test_a_write_wakes_who_waits_and_a_failed_one_does_not(self, store: Store) -> None:
        await add(store, a_draft())
        seen = store.notifier.count

        with pytest.raises(AlreadyExists):
            await add(store, a_draft())
        assert store.notifier.count == seen

        await add(store, a_draft(name="other"))
        assert store.notifier.count == seen + 1

    async def test_p_values_only_fall(self, store: Store) -> None:
        experiment = await add(store, a_running())
        for p_value in (0.5, 0.2, 0.3):
            async with store.transaction() as tx:
                await tx.lower_p_values(experiment.name, {"challenger": p_value})

        assert (await aggregates(store, experiment)).lowest_p == {"challenger": 0.2}


class TestExactlyOnce:
    async def test_a_batch_again_counts_nothing(self, store: Store) -> None:
        experiment = await add(store, a_running())
        batch = [an_exposure(unit=f"user-{number}") for number in range(50)]
        assert await expose(store, *batch) == Receipt(50, 0, 0)
        before = await aggregates(store, experiment)

        assert await expose(store, *batch) == Receipt(0, 50, 0)

        again = await aggregates(store, experiment)
        assert again.redelivered == 50
        assert (again.cells, again.requests, again.latency) == (
            before.cells,
            before.requests,
            before.latency,
        )

    async def test_other_content_is_a_conflict_and_the_first_stays(self, store: Store) -> None:
        experiment = await add(store, a_running())
        await expose(store, an_exposure(request_id="r", arm="champion"))
        await happen(store, an_outcome(event_id="e", value=1.0))

        exposures = await expose(
            store, an_exposure(request_id="r", arm="challenger", content="other")
        )
        outcomes = await happen(store, an_outcome(event_id="e", value=5.0, content="other"))

        assert exposures == outcomes == Receipt(0, 0, 1)
        found = await aggregates(store, experiment)
        assert found.conflicts == 2
        assert [(item.arm, item.values.means[0]) for item in found.cells["correct"]] == [
            ("champion", 1.0)
        ]

    async def test_kind_and_attempt_are_part_of_the_key(self, store: Store) -> None:
        receipt = await expose(
            store,
            an_exposure(request_id="r"),
            an_exposure(request_id="r", kind=Kind.SHADOW),
            an_exposure(request_id="r", kind=Kind.ATTEMPT, attempt=1),
            an_exposure(request_id="r", kind=Kind.ATTEMPT, attempt=2),
        )

        assert receipt == Receipt(4, 0, 0)

    async def test_what_no_experiment_took_is_known_again_and_counts_nothing(
        self, store: Store
    ) -> None:
        experiment = await add(store, a_running())
        line = an_exposure(experiment="")

        assert await expose(store, line) == Receipt(1, 0, 0)
        assert await expose(store, line) == Receipt(0, 1, 0)
        assert (await aggregates(store, experiment)).requests == {}

    async def test_a_transaction_that_fails_leaves_nothing(self, store: Store) -> None:
        experiment = await add(store, a_running())
        batch = [an_exposure(unit=f"user-{number}") for number in range(20)]

        async def killed() -> None:
            async with store.transaction() as tx:
                await tx.add_exposures(batch, node="node-1")
                raise RuntimeError("killed")

        with pytest.raises(RuntimeError, match="killed"):
            await killed()

        assert (await aggregates(store, experiment)).requests == {}
        assert await expose(store, *batch) == Receipt(20, 0, 0)
        assert (await aggregates(store, experiment)).requests == {("champion", 1): 20}

    async def test_the_same_batches_from_many_at_once_count_once(self, store: Store) -> None:
        experiment = await add(store, a_running())
        batch = [an_exposure(unit=f"user-{number % 7}") for number in range(40)]

        receipts = await asyncio.gather(*(expose(store, *batch) for _ in range(5)))

        assert sum(receipt.accepted for receipt in receipts) == 40
        assert sum(receipt.redelivered for receipt in receipts) == 160
        assert (await aggregates(store, experiment)).requests == {("champion", 1): 40}

    async def test_exposures_of_an_unknown_experiment_are_taken(self, store: Store) -> None:
        assert await expose(store, an_exposure(experiment="lost")) == Receipt(1, 0, 0)

    async def test_batches_that_are_written_together_have_receipts_of_their_own(
        self, store: Store
    ) -> None:
        first, second = an_outcome(event_id="e1"), an_outcome(event_id="e2")

        async with store.transaction() as tx:
            receipts = await tx.add_outcomes([[first], [], [first, second]])

        assert receipts == [Receipt(1, 0, 0), Receipt(), Receipt(1, 1, 0)]

    async def test_a_large_batch_goes_in_whole(self, store: Store) -> None:
        experiment = await add(store, a_running())
        batch = [an_exposure(unit=f"user-{number}") for number in range(3_500)]

        assert (await expose(store, *batch)).accepted == 3_500

        assert (await cell(store, experiment)).units == 3_500


class TestUnits:
    async def test_the_earliest_exposure_decides_arm_and_phase(self, store: Store) -> None:
        experiment = experiments.ramp(
            await add(store, a_running()), {"champion": 5_000, "challenger": 5_000}, at=LATER
        )
        late = an_exposure(arm="challenger", phase=2, at=LATER)
        early = an_exposure(arm="champion", phase=1, at=NOON)
        await expose(store, late)
        await expose(store, early)

        found = await cell(store, experiment, days=2)

        assert (found.arm, found.phase, found.units, found.crossed) == ("champion", 1, 1, 1)

    async def test_a_unit_that_stays_has_not_crossed(self, store: Store) -> None:
        experiment = await add(store, a_running())
        await expose(store, an_exposure(), an_exposure(at=NOON + after(hours=1)))

        assert (await cell(store, experiment)).crossed == 0

    async def test_failures_are_counted_per_arm_and_phase(self, store: Store) -> None:
        experiment = await add(store, a_running())
        await expose(
            store,
            an_exposure(http_status=503),
            an_exposure(),
            an_exposure(arm="challenger", grpc_status=14, unit="user-2"),
        )

        found = await aggregates(store, experiment)

        assert found.requests == {("champion", 1): 2, ("challenger", 1): 1}
        assert {key: n for key, n in found.failures.items() if n} == {
            ("champion", 1): 1,
            ("challenger", 1): 1,
        }


class TestWindows:
    @pytest.mark.parametrize(
        ("aggregation", "mean"),
        [(Aggregation.ANY, 1.0), (Aggregation.SUM, 5.0), (Aggregation.MEAN, 2.5)],
    )
    async def test_outcomes_of_a_unit_become_one_value(
        self, store: Store, aggregation: Aggregation, mean: float
    ) -> None:
        experiment = await add(store, a_running(metric=a_metric(aggregation=aggregation)))
        await expose(store, an_exposure())
        await happen(store, an_outcome(value=2.0), an_outcome(value=3.0))

        found = await cell(store, experiment)

        assert found.values.moments(0) == Moments(1, mean, 0.0)
        assert (found.outcomes, found.outside) == (2, 0)

    @pytest.mark.parametrize(
        ("aggregation", "values"),
        [
            (Aggregation.ANY, Moments(1, 0.0, 0.0)),
            (Aggregation.SUM, Moments(1, 0.0, 0.0)),
            (Aggregation.MEAN, Moments()),
        ],
    )
    async def test_a_unit_without_outcomes_counts_0_or_is_left_out(
        self, store: Store, aggregation: Aggregation, values: Moments
    ) -> None:
        experiment = await add(store, a_running(metric=a_metric(aggregation=aggregation)))
        await expose(store, an_exposure())

        found = await cell(store, experiment)

        assert (found.units, found.values.moments(0)) == (1, values)

    async def test_an_outcome_before_the_first_exposure_is_outside(self, store: Store) -> None:
        experiment = await add(store, a_running())
        await expose(store, an_exposure())
        await happen(store, an_outcome(at=NOON - after(microseconds=1)))

        found = await cell(store, experiment)

        assert (found.values.count, found.outcomes, found.outside) == (0, 0, 1)

    async def test_other_metrics_and_unexposed_units_are_nothing(self, store: Store) -> None:
        experiment = await add(store, a_running())
        await expose(store, an_exposure())
        await happen(store, an_outcome(metric="other"), an_outcome(unit="stranger"))

        found = await cell(store, experiment)

        assert (found.values.count, found.outcomes, found.outside) == (0, 0, 0)

    async def test_a_unit_is_analysed_once_its_window_has_passed(self, store: Store) -> None:
        metric = a_metric(aggregation=Aggregation.SUM, window=after(hours=1))
        experiment = await add(store, a_running(metric=metric))
        await expose(store, an_exposure())
        await happen(
            store,
            an_outcome(at=NOON + after(minutes=59), value=2.0),
            an_outcome(at=NOON + after(minutes=60), value=7.0),
        )

        early = await cell(store, experiment, minutes=59, seconds=59)
        late = await cell(store, experiment, minutes=60)

        assert (early.units, early.values.count, early.outcomes, early.outside) == (1, 0, 0, 1)
        assert late.values.moments(0) == Moments(1, 2.0, 0.0)
        assert (late.outcomes, late.outside) == (1, 1)

    async def test_a_ramp_cuts_open_windows_in_all_arms_at_once(self, store: Store) -> None:
        metric = a_metric(aggregation=Aggregation.SUM, window=after(hours=10))
        running = await add(store, a_running(metric=metric))
        ramped = experiments.ramp(
            running, {"champion": 5_000, "challenger": 5_000}, at=NOON + after(hours=1)
        )
        for unit, arm in (("user-1", "champion"), ("user-2", "challenger")):
            await expose(store, an_exposure(unit=unit, arm=arm))
            await happen(
                store,
                an_outcome(unit=unit, at=NOON + after(minutes=59), value=1.0),
                an_outcome(unit=unit, at=NOON + after(minutes=60), value=9.0),
            )

        found = await aggregates(store, ramped, hours=1)

        cells = found.cells["correct"]
        assert sorted((item.arm, item.values.moments(0), item.outside) for item in cells) == [
            ("challenger", Moments(1, 1.0, 0.0), 1),
            ("champion", Moments(1, 1.0, 0.0), 1),
        ]

    async def test_a_unit_first_seen_after_its_phase_has_no_value(self, store: Store) -> None:
        metric = a_metric(aggregation=Aggregation.SUM)
        running = await add(store, a_running(metric=metric))
        ramped = experiments.ramp(running, {"champion": 5_000, "challenger": 5_000}, at=LATER)
        await expose(store, an_exposure(phase=1, at=LATER))

        found = await cell(store, ramped, days=2)

        assert (found.units, found.values.count) == (1, 0)

    async def test_spread_keeps_its_digits_beside_a_large_mean(self, store: Store) -> None:
        experiment = await add(store, a_running())
        for number, value in enumerate((1e9, 1e9 + 1, 1e9 + 2)):
            await expose(store, an_exposure(unit=f"user-{number}"))
            await happen(store, an_outcome(unit=f"user-{number}", value=value))

        found = await cell(store, experiment)

        assert found.values.means[0] == 1e9 + 1
        assert found.values.products[0][0] == pytest.approx(2.0)


@pytest.mark.parametrize("aggregation", list(Aggregation))
@pytest.mark.parametrize("window", [timedelta(), timedelta(minutes=30)])
async def test_all_stores_sum_up_the_same(
    store: Store, aggregation: Aggregation, window: timedelta
) -> None:
    """Random traffic over a ramp, against the store in memory."""
    generator = random.Random(11)
    metric = a_metric(aggregation=aggregation, window=window)
    ramped = experiments.ramp(
        a_running(metric=metric),
        {"champion": 5_000, "challenger": 5_000},
        at=NOON + after(minutes=60),
    )

    def moment() -> int:
        return generator.randrange(120)

    exposures = [
        an_exposure(
            unit=f"user-{generator.randrange(60)}",
            arm=generator.choice(["champion", "challenger"]),
            phase=1 if minute < 62 else 2,
            at=NOON + after(minutes=minute),
        )
        for minute in (moment() for _ in range(150))
    ]
    outcomes = [
        an_outcome(
            unit=f"user-{generator.randrange(70)}",
            value=generator.gauss(0.0, 3.0),
            at=NOON + after(minutes=moment()),
        )
        for _ in range(300)
    ]
    found = []
    for each in (store, MemoryStore()):
        await add(each, ramped)
        await expose(each, *exposures)
        await happen(each, *outcomes)
        found.append(await aggregates(each, ramped, minutes=100))
    mine, expected = found

    assert mine.requests == expected.requests
    assert mine.latency == expected.latency
    cells = {(item.arm, item.phase): item for item in mine.cells["correct"]}
    for item in expected.cells["correct"]:
        own = cells.pop((item.arm, item.phase))
        assert (own.units, own.crossed, own.outcomes, own.outside, own.values.count) == (
            item.units,
            item.crossed,
            item.outcomes,
            item.outside,
            item.values.count,
        )
        assert own.values.means == pytest.approx(item.values.means)
        assert own.values.products[0] == pytest.approx(item.values.products[0])
    assert not cells
