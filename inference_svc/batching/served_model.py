"""A loaded model with its queue: requests share runs and do not notice."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from algolink.errors import AlgoLinkError, DeadlineExceeded, ResourceExhausted
from algolink.names import VersionName
from inference_svc.batching import rows
from inference_svc.batching.scheduler import Policy, QueueFull, Scheduler, Ticket
from inference_svc.domain.signature import Signature
from inference_svc.domain.statistics import Compute, Recorder
from inference_svc.domain.tensors import Array
from inference_svc.engines import LoadedModel, RunError

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Job:
    """What a ticket carries."""

    feed: Mapping[str, Array]
    outputs: tuple[str, ...]
    answer: asyncio.Future[list[Array]]


_Batch = list[Ticket[_Job]]


class ServedModel:
    """Answers requests on a model, several in one run where the model has rows.

    Everything here happens on one event loop; only the engine knows threads.

    Attributes:
        recorder: what has been done since it was loaded.
    """

    def __init__(self, name: VersionName, model: LoadedModel, policy: Policy) -> None:
        """Queues for `model`, which is warm; whoever made this unloads it."""
        self.recorder = Recorder()
        self._name = name
        self._model = model
        self._policy = policy
        self._scheduler: Scheduler[_Job] = Scheduler(policy)
        self._has_rows = rows.has_rows(model.signature)
        self._loop = asyncio.get_running_loop()
        self._pump_is_due = False
        self._wake: asyncio.TimerHandle | None = None
        self._wake_ns: int | None = None
        self._runs: set[asyncio.Task[None]] = set()

    @property
    def signature(self) -> Signature:
        """What the model takes and gives."""
        return self._model.signature

    @property
    def memory_bytes(self) -> int:
        """About what the model occupies."""
        return self._model.memory_bytes

    @property
    def policy(self) -> Policy:
        """How requests are queued and put together."""
        return self._policy

    @property
    def shares_runs(self) -> bool:
        """Whether requests are put together at all."""
        return self._has_rows and self._policy.max_rows > 1

    async def prove_rows(self) -> None:
        """Runs a row alone and among others, and shares no runs if that differs.

        A model whose axes could all be rows may still mix them, by normalising
        over the batch for example.
        """
        if not self.shares_runs:
            return
        feed, outputs = rows.probe(self.signature), self.signature.select(())
        try:
            together = await self._model.infer(feed, outputs)
            alone = await self._model.infer(rows.first_row(feed), outputs)
        except RunError as error:
            # Invented numbers may be refused; real ones are then proof enough, or none.
            _log.info("rows not proven", extra={"version": str(self._name), "error": str(error)})
            return
        if not rows.is_same_row(alone, together):
            self._share_no_more("a row comes out otherwise among others than alone")

    async def infer(
        self, feed: Mapping[str, Array], outputs: Sequence[str], *, timeout_s: float | None = None
    ) -> list[Array]:
        """Answers one request; see `LoadedModel.infer`.

        Cancelling it takes it out of the queue; once its run has begun, the run ends
        by itself.

        Args:
            timeout_s: it does not begin to run after so many seconds.

        Raises:
            ResourceExhausted: QUEUE_FULL.
            DeadlineExceeded: DEADLINE_EXCEEDED, if it was still in the queue by then.
            RunError: if the model fails on this very request.
        """
        now_ns = time.monotonic_ns()
        answer: asyncio.Future[list[Array]] = self._loop.create_future()
        job = _Job(feed, tuple(outputs), answer)
        count = rows.row_count(feed) if self.shares_runs else None
        try:
            ticket = self._scheduler.submit(
                job,
                lane=None if count is None else rows.lane(feed, job.outputs),
                rows=count or 1,
                now_ns=now_ns,
                deadline_ns=None if timeout_s is None else now_ns + int(timeout_s * 1e9),
            )
        except QueueFull:
            self.recorder.failed(total_ns=0)
            raise self._queue_full() from None
        self._pump_soon()
        try:
            return await answer
        except asyncio.CancelledError:
            self._scheduler.withdraw(ticket)
            if answer.cancelled():  # and not answered in the same moment
                self.recorder.failed(total_ns=time.monotonic_ns() - now_ns)
            raise

    async def unload(self) -> None:
        """Unloads the model. No request is on its way by then, or ever after."""
        if self._wake is not None:
            self._wake.cancel()
        # Requests that were cancelled have left runs behind.
        if self._runs:
            await asyncio.wait(self._runs)
        await self._model.unload()

    def _pump_soon(self) -> None:
        """Starts what may start, once everything that this turn of the loop brings is queued."""
        if not self._pump_is_due:
            self._pump_is_due = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        self._pump_is_due = False
        now_ns = time.monotonic_ns()
        for ticket in self._scheduler.expire(now_ns):
            self._fail(ticket, self._too_late())
        while (batch := self._scheduler.start(now_ns)) is not None:
            run = self._loop.create_task(self._run(batch))
            self._runs.add(run)
            run.add_done_callback(self._runs.discard)
        self._wake_at(self._scheduler.wake_ns(), now_ns)

    def _wake_at(self, wake_ns: int | None, now_ns: int) -> None:
        if wake_ns == self._wake_ns:
            return
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        self._wake_ns = wake_ns
        if wake_ns is not None:
            self._wake = self._loop.call_later((wake_ns - now_ns) / 1e9, self._awake)

    def _awake(self) -> None:
        self._wake, self._wake_ns = None, None
        self._pump()

    async def _run(self, batch: _Batch) -> None:
        """Answers every ticket of `batch`, and frees the instance."""
        try:
            await self._answer(batch)
        except Exception as error:  # noqa: BLE001  whoever waits must hear of it, whatever it is
            for ticket in batch:
                self._fail(ticket, error)
        finally:
            self._scheduler.finish()
            self._pump_soon()

    async def _answer(self, batch: _Batch) -> None:
        try:
            await self._answer_together(batch)
        except rows.NotAligned as error:
            self._share_no_more(str(error))
            await self._answer_each(batch)
        except RunError as error:
            if len(batch) == 1:
                self._fail(batch[0], error)
            else:
                await self._answer_each(batch)

    async def _answer_together(self, batch: _Batch) -> None:
        started_ns = time.monotonic_ns()
        jobs = [ticket.payload for ticket in batch]
        feed = jobs[0].feed if len(jobs) == 1 else rows.joined([job.feed for job in jobs])
        joined_ns = time.monotonic_ns()
        arrays = await self._model.infer(feed, jobs[0].outputs)
        inferred_ns = time.monotonic_ns()
        # Uncut, because a request that runs alone need not have rows.
        parts = [arrays] if len(jobs) == 1 else rows.cut(arrays, [ticket.rows for ticket in batch])
        ended_ns = time.monotonic_ns()
        heard = [ticket for ticket in batch if not ticket.payload.answer.done()]
        arrived_ns = sum(ticket.arrived_ns for ticket in heard)
        self.recorder.succeeded(
            requests=len(heard),
            rows=sum(ticket.rows for ticket in batch),
            queue_ns=len(heard) * started_ns - arrived_ns,
            total_ns=len(heard) * ended_ns - arrived_ns,
            compute=Compute(
                input_ns=joined_ns - started_ns,
                infer_ns=inferred_ns - joined_ns,
                output_ns=ended_ns - inferred_ns,
            ),
            at_ms=time.time_ns() // 1_000_000,
        )
        for job, part in zip(jobs, parts, strict=True):
            if not job.answer.done():
                job.answer.set_result(part)

    async def _answer_each(self, batch: _Batch) -> None:
        """Runs each alone: what fails then is what failed the batch."""
        for ticket in batch:
            if ticket.payload.answer.done():
                continue
            if ticket.deadline_ns is not None and ticket.deadline_ns <= time.monotonic_ns():
                self._fail(ticket, self._too_late())
                continue
            try:
                await self._answer_together([ticket])
            except RunError as error:
                self._fail(ticket, error)

    def _fail(self, ticket: Ticket[_Job], error: Exception) -> None:
        # One that was cancelled has been counted when that happened.
        if not ticket.payload.answer.done():
            self.recorder.failed(total_ns=time.monotonic_ns() - ticket.arrived_ns)
            ticket.payload.answer.set_exception(error)

    def _share_no_more(self, why: str) -> None:
        if self._has_rows:
            self._has_rows = False
            _log.warning(
                "requests share no runs", extra={"version": str(self._name), "reason": why}
            )

    def _queue_full(self) -> AlgoLinkError:
        return ResourceExhausted(
            "QUEUE_FULL",
            f"{self._policy.max_queued} requests wait for {self._name} already",
            model=self._name.model,
            version=self._name.number,
            limit=self._policy.max_queued,
        )

    def _too_late(self) -> AlgoLinkError:
        return DeadlineExceeded(
            "DEADLINE_EXCEEDED",
            f"the deadline came while the request waited for {self._name}",
            model=self._name.model,
            version=self._name.number,
        )
