"""Requests that share runs, on an event loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from algolink.errors import DeadlineExceeded, ResourceExhausted
from algolink.names import VersionName
from inference_svc.batching.scheduler import Policy
from inference_svc.batching.served_model import ServedModel
from inference_svc.domain.datatypes import Datatype
from inference_svc.domain.signature import Signature, TensorSpec
from inference_svc.domain.tensors import Array
from inference_svc.engines import RunError
from tests.inference_svc.batching.models import POISON, Doubling, a_feed

Asked = asyncio.Task[list[Array]]


def served(model: Doubling, **policy: int) -> ServedModel:
    return ServedModel(VersionName("doubling", 1), model, Policy(**policy))


def ask(
    model: ServedModel,
    value: float,
    *,
    rows: int = 1,
    columns: int = 1,
    timeout_s: float | None = None,
) -> Asked:
    return asyncio.create_task(
        model.infer(a_feed(value, rows, columns), ("y",), timeout_s=timeout_s)
    )


async def busy(model: Doubling, queue: ServedModel) -> Asked:
    """A request that runs until the gate opens."""
    model.gate.clear()
    model.began.clear()
    asked = ask(queue, 0)
    await model.began.wait()
    return asked


async def test_requests_that_come_together_on_an_idle_version_share_a_run() -> None:
    model = Doubling()
    queue = served(model)

    answers = await asyncio.gather(*(ask(queue, value) for value in (1, 2, 3)))

    assert [answer[0].tolist() for answer in answers] == [[[2]], [[4]], [[6]]]
    assert model.batches == [[1, 2, 3]]


async def test_what_has_come_while_a_batch_ran_is_the_next_batch() -> None:
    model = Doubling()
    queue = served(model)
    first = await busy(model, queue)

    rest = []
    for value in (1, 2, 3):
        rest.append(ask(queue, value, rows=value))
        await asyncio.sleep(0)
    model.gate.set()
    answers = await asyncio.gather(first, *rest)

    assert model.batches == [[0], [1, 2, 2, 3, 3, 3]]
    assert [answer[0][:, 0].tolist() for answer in answers] == [[0], [2], [4, 4], [6, 6, 6]]


async def test_a_poisoned_request_fails_alone() -> None:
    model = Doubling()
    queue = served(model)

    answers = await asyncio.gather(
        *(ask(queue, value) for value in (1, POISON, 3)), return_exceptions=True
    )

    assert [type(answer) for answer in answers] == [list, RunError, list]
    assert answers[2][0].tolist() == [[6]]  # type: ignore[index]  # no error, by the line above
    assert model.batches == [[1, POISON, 3], [1], [POISON], [3]]
    statistics = queue.recorder.snapshot()
    assert (statistics.success.count, statistics.fail.count) == (2, 1)


async def test_a_model_whose_outputs_are_not_its_rows_never_shares_a_run_again() -> None:
    model = Doubling(is_aligned=False)
    queue = served(model)

    answers = await asyncio.gather(*(ask(queue, value, rows=2) for value in (1, 2)))
    await asyncio.gather(*(ask(queue, value) for value in (3, 4)))

    assert [answer[0].tolist() for answer in answers] == [[[4]], [[8]]]
    assert model.batches == [[1, 1, 2, 2], [1, 1], [2, 2], [3], [4]]
    assert not queue.shares_runs


async def test_a_model_that_mixes_rows_is_found_out_before_it_serves() -> None:
    class Centring(Doubling):
        async def infer(self, feed, outputs):  # type: ignore[no-untyped-def]
            (y,) = await super().infer(feed, outputs)
            return [y - y.mean(axis=0)]

    queue, honest = served(Centring()), served(Doubling())
    await queue.prove_rows()
    await honest.prove_rows()

    assert not queue.shares_runs
    assert honest.shares_runs


async def test_a_model_without_rows_runs_each_request_alone() -> None:
    spec = TensorSpec("x", Datatype.FP32, (1, 1))
    model = Doubling(Signature((spec,), (spec,)))
    queue = served(model, instances=2)

    await asyncio.gather(*(ask(queue, value) for value in (1, 2, 3)))

    assert model.batches == [[1], [2], [3]]
    assert model.most_at_a_time == 2


async def test_requests_of_other_shapes_share_no_run() -> None:
    model = Doubling()
    queue = served(model)

    answers = await asyncio.gather(
        ask(queue, 1), ask(queue, 2, columns=3), ask(queue, 3), ask(queue, 4, columns=3)
    )

    assert model.batches == [[1, 3], [2, 4]]
    assert [answer[0].tolist() for answer in answers] == [[[2]], [[4] * 3], [[6]], [[8] * 3]]


async def test_a_request_past_the_bound_is_refused_and_the_others_are_answered() -> None:
    model = Doubling()
    queue = served(model, max_queued=2)
    first = await busy(model, queue)
    others = [ask(queue, value) for value in (1, 2)]

    with pytest.raises(ResourceExhausted) as caught:
        await ask(queue, 3)
    model.gate.set()
    await asyncio.gather(first, *others)

    assert caught.value.reason == "QUEUE_FULL"
    assert model.batches == [[0], [1, 2]]


async def test_a_request_whose_deadline_comes_in_the_queue_never_runs() -> None:
    model = Doubling()
    queue = served(model)
    first = await busy(model, queue)
    patient = ask(queue, 1, timeout_s=3600)

    with pytest.raises(DeadlineExceeded) as caught:
        await ask(queue, 2, timeout_s=0.01)
    model.gate.set()
    await asyncio.gather(first, patient)

    assert caught.value.reason == "DEADLINE_EXCEEDED"
    assert model.batches == [[0], [1]]


async def test_a_request_that_is_cancelled_in_the_queue_never_runs() -> None:
    model = Doubling()
    queue = served(model)
    first = await busy(model, queue)
    cancelled, other = ask(queue, 1), ask(queue, 2)
    await asyncio.sleep(0)

    cancelled.cancel()
    await asyncio.wait({cancelled})
    model.gate.set()
    await asyncio.gather(first, other)

    assert model.batches == [[0], [2]]


async def test_a_request_that_is_cancelled_while_it_runs_harms_no_other() -> None:
    model = Doubling()
    queue = served(model)
    model.gate.clear()
    cancelled, other = ask(queue, 1), ask(queue, 2)
    await model.began.wait()

    cancelled.cancel()
    await asyncio.wait({cancelled})
    model.gate.set()

    assert (await other)[0].tolist() == [[4]]
    statistics = queue.recorder.snapshot()
    assert (statistics.success.count, statistics.fail.count) == (1, 1)


async def test_a_request_waits_for_company_when_that_is_asked() -> None:
    model = Doubling()
    queue = served(model, max_delay_ns=10**12, max_rows=2)

    first = ask(queue, 1)
    for _ in range(10):
        await asyncio.sleep(0)
    assert not model.batches
    await asyncio.gather(first, ask(queue, 2))

    assert model.batches == [[1, 2]]


async def test_a_wait_for_company_ends_in_time() -> None:
    model = Doubling()
    queue = served(model, max_delay_ns=1_000_000)

    await ask(queue, 1)

    assert model.batches == [[1]]


async def test_an_error_that_nobody_foresaw_is_told_to_all_and_the_version_goes_on() -> None:
    model = Doubling()
    queue = served(model)
    model.error = MemoryError("no memory")

    answers = await asyncio.gather(ask(queue, 1), ask(queue, 2), return_exceptions=True)
    model.error = None

    assert [str(answer) for answer in answers] == ["no memory", "no memory"]
    assert (await ask(queue, 3))[0].tolist() == [[6]]


async def test_unloading_waits_for_a_run_whose_caller_has_left() -> None:
    model = Doubling()
    queue = served(model)
    asked = await busy(model, queue)
    asked.cancel()
    await asyncio.wait({asked})

    unloading = asyncio.create_task(queue.unload())
    await asyncio.sleep(0)
    assert not model.is_unloaded
    model.gate.set()
    await unloading

    assert model.is_unloaded


async def test_what_is_done_is_counted() -> None:
    model = Doubling()
    queue = served(model)

    await asyncio.gather(ask(queue, 1), ask(queue, 2, rows=3))
    await ask(queue, 3)

    statistics = queue.recorder.snapshot()
    assert (statistics.inference_count, statistics.execution_count) == (5, 2)
    assert [(batch.rows, batch.compute_infer.count) for batch in statistics.batches] == [
        (1, 1),
        (4, 1),
    ]
    assert statistics.success.count == statistics.queue.count == 3
    assert statistics.success.total_ns > statistics.compute_infer.total_ns > 0
    assert statistics.last_inference_ms > 0


@dataclass(frozen=True)
class Arrival:
    """One request, what becomes of its caller, and how many turns pass before the next."""

    rows: int
    columns: int
    is_poisoned: bool
    is_cancelled: bool
    turns: int


arrivals = st.lists(
    st.builds(
        Arrival,
        rows=st.integers(1, 4),
        columns=st.integers(1, 2),
        is_poisoned=st.sampled_from([False, False, False, True]),
        is_cancelled=st.sampled_from([False, False, False, True]),
        turns=st.integers(0, 4),
    ),
    max_size=30,
)


@settings(max_examples=100, deadline=None)
@given(arrivals, st.integers(1, 3), st.integers(1, 8), st.booleans())
def test_everybody_is_answered_once_and_with_his_own_rows(
    pattern: list[Arrival], instances: int, max_rows: int, is_aligned: bool
) -> None:
    asyncio.run(drive(pattern, instances, max_rows, is_aligned))


async def drive(pattern: list[Arrival], instances: int, max_rows: int, is_aligned: bool) -> None:
    model = Doubling(is_aligned=is_aligned)
    queue = served(model, instances=instances, max_rows=max_rows)
    asked: list[Asked] = []
    for number, arrival in enumerate(pattern, start=1):
        value = POISON if arrival.is_poisoned else number
        asked.append(ask(queue, value, rows=arrival.rows, columns=arrival.columns))
        for _ in range(arrival.turns):
            await asyncio.sleep(0)
        if arrival.is_cancelled:
            asked[-1].cancel()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    await queue.unload()

    assert model.most_at_a_time <= instances
    for number, (arrival, answer) in enumerate(zip(pattern, answers, strict=True), start=1):
        if isinstance(answer, asyncio.CancelledError):
            assert arrival.is_cancelled
        elif isinstance(answer, BaseException):
            assert isinstance(answer, RunError)
            assert arrival.is_poisoned
        else:
            own = a_feed(2 * number, arrival.rows, arrival.columns)["x"]
            expected = own if is_aligned else own.sum(axis=0, keepdims=True)
            np.testing.assert_array_equal(answer[0], expected)
    statistics = queue.recorder.snapshot()
    answered = sum(not isinstance(answer, BaseException) for answer in answers)
    assert answered <= statistics.success.count
    assert statistics.success.count + statistics.fail.count <= len(pattern)
