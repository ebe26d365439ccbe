"""What a version has done since it was loaded, in numbers.

A recorder counts, a snapshot is what can be read of it at one moment. Durations
are monotonic nanoseconds, because that is what the protocol's statistics carry.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Duration:
    """How often something took place, and how long all of it took together.

    Attributes:
        count: occurrences.
        total_ns: their durations summed, in nanoseconds.
    """

    count: int = 0
    total_ns: int = 0

    def __add__(self, other: Duration) -> Duration:
        """Both together.

        >>> Duration(1, 20) + Duration(2, 30)
        Duration(count=3, total_ns=50)
        """
        return Duration(self.count + other.count, self.total_ns + other.total_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compute:
    """How long one run took, by its parts, in nanoseconds.

    Attributes:
        input_ns: putting the requests' rows together.
        infer_ns: in the engine, the wait for one of its threads included.
        output_ns: giving each request its own rows.
    """

    input_ns: int = 0
    infer_ns: int = 0
    output_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStatistics:
    """Runs of one size.

    Attributes:
        rows: size of the batch: rows along the first axis; 1 where the model
            has no such axis.
        compute_input: one occurrence per run.
        compute_infer: one occurrence per run.
        compute_output: one occurrence per run.
    """

    rows: int
    compute_input: Duration = Duration()
    compute_infer: Duration = Duration()
    compute_output: Duration = Duration()


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What a version has done since it was loaded.

    A request that shared its run counts the whole run's compute time as its own,
    as Triton counts it: it has waited for all of it.

    Attributes:
        last_inference_ms: when the last request was answered, in milliseconds
            since 1970; 0 if none has been.
        inference_count: rows of all runs that succeeded.
        execution_count: runs of the model that succeeded.
        success: requests answered, from submission to answer.
        fail: requests that failed, for whatever reason, from submission to error;
            those refused before they were queued took no time.
        queue: requests answered, from submission to the start of their run.
        compute_input: requests answered; see `Compute.input_ns`.
        compute_infer: requests answered; see `Compute.infer_ns`.
        compute_output: requests answered; see `Compute.output_ns`.
        batches: by size, ascending.
    """

    last_inference_ms: int = 0
    inference_count: int = 0
    execution_count: int = 0
    success: Duration = Duration()
    fail: Duration = Duration()
    queue: Duration = Duration()
    compute_input: Duration = Duration()
    compute_infer: Duration = Duration()
    compute_output: Duration = Duration()
    batches: tuple[BatchStatistics, ...] = ()


class Recorder:
    """Counts what one version does. One thread writes; reading is a snapshot."""

    def __init__(self) -> None:
        self._last_inference_ms = 0
        self._success = _Sum()
        self._fail = _Sum()
        self._queue = _Sum()
        self._compute = _ComputeSum()
        self._rows = 0
        self._runs: dict[int, _ComputeSum] = {}

    def succeeded(
        self,
        *,
        requests: int,
        rows: int,
        queue_ns: int,
        total_ns: int,
        compute: Compute,
        at_ms: int,
    ) -> None:
        """A run ended well, and answered the requests that shared it.

        Args:
            requests: how many shared it, those whose callers have left not counted.
            rows: of the run.
            queue_ns: their times in the queue, summed.
            total_ns: their times from submission to answer, summed.
            compute: how long the run took.
            at_ms: milliseconds since 1970.
        """
        self._last_inference_ms = at_ms
        self._rows += rows
        self._success.add(requests, total_ns)
        self._queue.add(requests, queue_ns)
        self._compute.add(requests, compute)
        runs = self._runs.get(rows)
        if runs is None:
            runs = self._runs[rows] = _ComputeSum()
        runs.add(1, compute)

    def failed(self, *, total_ns: int) -> None:
        """One request ended in an error, so long after it was submitted."""
        self._fail.add(1, total_ns)

    def snapshot(self) -> Statistics:
        """All counts as they are now."""
        return Statistics(
            last_inference_ms=self._last_inference_ms,
            inference_count=self._rows,
            execution_count=sum(runs.input.count for runs in self._runs.values()),
            success=self._success.frozen(),
            fail=self._fail.frozen(),
            queue=self._queue.frozen(),
            compute_input=self._compute.input.frozen(),
            compute_infer=self._compute.infer.frozen(),
            compute_output=self._compute.output.frozen(),
            batches=tuple(
                BatchStatistics(
                    rows=rows,
                    compute_input=runs.input.frozen(),
                    compute_infer=runs.infer.frozen(),
                    compute_output=runs.output.frozen(),
                )
                for rows, runs in sorted(self._runs.items())
            ),
        )


class _Sum:
    """A `Duration` that grows in place: a value per request would be garbage per request."""

    __slots__ = ("count", "total_ns")

    def __init__(self) -> None:
        self.count = 0
        self.total_ns = 0

    def add(self, count: int, total_ns: int) -> None:
        self.count += count
        self.total_ns += total_ns

    def frozen(self) -> Duration:
        return Duration(self.count, self.total_ns)


class _ComputeSum:
    __slots__ = ("infer", "input", "output")

    def __init__(self) -> None:
        self.input, self.infer, self.output = _Sum(), _Sum(), _Sum()

    def add(self, count: int, compute: Compute) -> None:
        self.input.add(count, count * compute.input_ns)
        self.infer.add(count, count * compute.infer_ns)
        self.output.add(count, count * compute.output_ns)
