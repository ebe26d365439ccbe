"""Counting what a version does."""

from __future__ import annotations

from inference_svc.domain.statistics import (
    BatchStatistics,
    Compute,
    Duration,
    Recorder,
    Statistics,
)

RUN = Compute(input_ns=10, infer_ns=100, output_ns=1)


def test_a_version_that_has_done_nothing_counts_nothing() -> None:
    assert Recorder().snapshot() == Statistics()


def test_requests_that_share_a_run_each_count_the_whole_run() -> None:
    recorder = Recorder()

    recorder.succeeded(requests=3, rows=6, queue_ns=30, total_ns=360, compute=RUN, at_ms=7)

    assert recorder.snapshot() == Statistics(
        last_inference_ms=7,
        inference_count=6,
        execution_count=1,
        success=Duration(3, 360),
        queue=Duration(3, 30),
        compute_input=Duration(3, 30),
        compute_infer=Duration(3, 300),
        compute_output=Duration(3, 3),
        batches=(
            BatchStatistics(
                rows=6,
                compute_input=Duration(1, 10),
                compute_infer=Duration(1, 100),
                compute_output=Duration(1, 1),
            ),
        ),
    )


def test_runs_are_told_apart_by_their_size() -> None:
    recorder = Recorder()

    for rows in (8, 1, 8):
        recorder.succeeded(requests=1, rows=rows, queue_ns=0, total_ns=111, compute=RUN, at_ms=1)

    snapshot = recorder.snapshot()
    assert [(batch.rows, batch.compute_infer) for batch in snapshot.batches] == [
        (1, Duration(1, 100)),
        (8, Duration(2, 200)),
    ]
    assert (snapshot.inference_count, snapshot.execution_count) == (17, 3)


def test_a_failure_is_no_success_and_no_inference() -> None:
    recorder = Recorder()

    recorder.failed(total_ns=5)
    recorder.failed(total_ns=0)

    assert recorder.snapshot() == Statistics(fail=Duration(2, 5))


def test_a_snapshot_does_not_change_afterwards() -> None:
    recorder = Recorder()
    before = recorder.snapshot()

    recorder.failed(total_ns=5)

    assert before == Statistics()
