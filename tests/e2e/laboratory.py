"""A model with two versions under experiment, and traffic that never stops."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from algolink.client import Arm, AsyncClient, Metric
from algolink.experiment.v1 import experiment_pb2
from examples.digits import checks, timeline
from examples.digits.answers import Journal
from examples.digits.material import Training
from examples.digits.reporter import reporting
from examples.digits.timeline import Timeline
from examples.digits.traffic import traffic
from examples.digits.visits import visits
from tests.e2e.stack import Stack, until

CONTROL, CANDIDATE = "control", "candidate"


@dataclass(slots=True)
class Laboratory:
    """An experiment that runs, and what its traffic has met so far.

    Attributes:
        model: id of a model that nobody else uses.
        experiment: as it was last changed.
        recorded: outcomes that are on disk, one for each answer.
    """

    client: AsyncClient
    model: str
    experiment: experiment_pb2.Experiment
    journal: Journal = field(default_factory=Journal)
    timeline: Timeline = field(default_factory=Timeline)
    recorded: int = 0

    async def answers(self, more: int) -> None:
        """Waits for that many more answers."""
        target = len(self.journal.answers) + more
        await until(lambda: len(self.journal.answers) >= target, f"{more} more answers came")

    async def ramp(self, weights_bp: Mapping[str, int]) -> None:
        """Changes the weights, and waits until they hold."""
        asked = time.time()
        self.experiment = await self.client.ramp_experiment(self.experiment.name, weights_bp)
        self.timeline.allocations.append(
            timeline.split(str(weights_bp), self.experiment, begun=asked, settled=time.time())
        )

    async def counted(self) -> experiment_pb2.Results:
        """Results, once all that was taken is counted, or nothing comes in any more."""
        taken = sum(bool(answer.experiment) for answer in self.journal.answers)
        deadline = time.monotonic() + 20
        while True:
            results = await self.client.results(self.experiment.name)
            if results.facts.exposures >= taken or time.monotonic() > deadline:
                return results
            await asyncio.sleep(0.1)

    async def nothing_is_lost(self) -> list[checks.Check]:
        """What must hold whatever was done to the stack."""
        return [
            checks.nothing_failed(self.journal),
            checks.version_follows_bucket(self.journal, self.timeline),
            checks.experiment_is_named(self.journal, self.timeline),
            checks.exposures_are_counted(self.journal, await self.counted()),
            checks.outcomes_are_recorded(self.journal, self.recorded),
        ]


@asynccontextmanager
async def running_experiment(
    stack: Stack, client: AsyncClient, training: Training, *, candidate_bp: int
) -> AsyncIterator[Laboratory]:
    """Two versions of a new model, split by unit."""
    model = f"digits-{uuid.uuid4().hex[:8]}"
    control = await client.push(training.champion.onnx, name=model)
    candidate = await client.push(training.challenger.onnx, name=model)
    arms = [
        Arm(CONTROL, control.number, 10_000 - candidate_bp),
        Arm(CANDIDATE, candidate.number, candidate_bp),
    ]
    await client.create_experiment(model, model=model, arms=arms, metric=Metric("correct"))
    laboratory = Laboratory(client, model, await client.start_experiment(model))
    laboratory.timeline.allocations.append(
        timeline.split("start", laboratory.experiment, begun=0.0, settled=time.time())
    )
    yield laboratory
    await client.stop_experiment(model)


@asynccontextmanager
async def under_traffic(
    stack: Stack, laboratory: Laboratory, training: Training, *, requests_per_s: float = 150.0
) -> AsyncIterator[None]:
    """Units keep coming for as long as it is entered; all is answered and told when it is left."""
    prefix = f"unit-{uuid.uuid4().hex[:8]}"
    async with (
        reporting(laboratory.client) as reporter,
        traffic(
            endpoint=stack.data_endpoint,
            model=laboratory.model,
            visits=visits(prefix, len(training.digits), random.Random(prefix)),
            images=training.images,
            digits=training.digits,
            journal=laboratory.journal,
            on_answer=reporter.add,
            requests_per_s=requests_per_s,
        ),
    ):
        yield
    laboratory.recorded += reporter.recorded
