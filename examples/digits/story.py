"""The experiment, step by step, under traffic that never stops."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from algolink.client import Arm, AsyncClient, Metric, Rule
from algolink.errors import AlgoLinkError
from algolink.experiment.v1 import experiment_pb2
from examples.digits import timeline
from examples.digits.live import Screen
from examples.digits.material import Training
from examples.digits.record import Record
from examples.digits.reporter import METRIC, reporting
from examples.digits.traffic import traffic
from examples.digits.visits import visits

MODEL = "digits"
CHAMPION, CHALLENGER = "champion", "challenger"

_POLL_S = 0.1
_CONCLUDED_TIMEOUT_S = 60.0
_COUNTED_TIMEOUT_S = 30.0


class StoryError(Exception):
    """A step that did not come about in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much traffic each step waits for.

    Attributes:
        answers_before: answers by the champion alone, before the experiment.
        units_before_ramp: units that have come when the challenger's share grows.
        units_per_arm: units that both arms need before the rule may conclude.
        answers_after: answers by the new champion, after the promotion.
    """

    answers_before: int = 100
    units_before_ramp: int = 1_600
    units_per_arm: int = 800
    answers_after: int = 500


async def tell(
    client: AsyncClient, endpoint: str, training: Training, screen: Screen, size: Size
) -> Record:
    """Runs the experiment from the first push to the promotion.

    Raises:
        StoryError: if a step does not come about in time.
        AlgoLinkError: if a call fails.
    """
    record, run = Record(), uuid.uuid4().hex[:8]
    await _serve(client, training, record, screen)
    who = visits(f"reader-{run}", len(training.digits), random.Random(run))  # noqa: S311 - not a secret
    async with (
        reporting(client) as reporter,
        traffic(
            endpoint=endpoint,
            model=MODEL,
            visits=who,
            images=training.images,
            digits=training.digits,
            journal=record.journal,
            on_answer=reporter.add,
        ),
    ):
        await _experiment(client, f"{MODEL}-{run}", record, screen, size)
    record.recorded_outcomes = reporter.recorded
    await _all_counted(client, record)
    screen.show(record.results, record.journal)
    return record


async def _serve(client: AsyncClient, training: Training, record: Record, screen: Screen) -> None:
    """Pushes both versions; the weaker one answers at once."""
    await _end_experiments(client)
    weaker = await client.push(
        training.champion.onnx,
        name=MODEL,
        aliases=[CHAMPION],
        description="decision tree, six questions deep",
    )
    served = time.time()
    better = await client.push(
        training.challenger.onnx, name=MODEL, description="logistic regression on all pixels"
    )
    record.weaker, record.better = weaker.number, better.number
    record.timeline.allocations.append(
        timeline.everybody("the first champion", weaker.number, begun=0.0, settled=served)
    )
    screen.say(
        f"pushed versions {weaker.number} (champion, {training.champion.accuracy:.1%} right) and "
        f"{better.number} (challenger, {training.challenger.accuracy:.1%} right)"
    )


async def _end_experiments(client: AsyncClient) -> None:
    """Ends what an earlier run in the same folder may have left running."""
    if MODEL not in {model.name.removeprefix("models/") for model in await client.models()}:
        return
    for experiment in await client.experiments(model=MODEL):
        if experiment.state == experiment_pb2.STATE_CONCLUDING:
            await client.conclude_experiment(experiment.name, winner=experiment.verdict.winner)
        elif experiment.state in (experiment_pb2.STATE_DRAFT, experiment_pb2.STATE_RUNNING):
            await client.stop_experiment(experiment.name)


async def _experiment(
    client: AsyncClient, name: str, record: Record, screen: Screen, size: Size
) -> None:
    """Start, ramp, conclusion by the rule and promotion, each once enough units have come."""
    journal, allocations = record.journal, record.timeline.allocations
    await _until(lambda: _has(len(journal.answers) >= size.answers_before), "traffic")
    await client.create_experiment(
        name,
        model=MODEL,
        arms=[Arm(CHAMPION, record.weaker, 9_000), Arm(CHALLENGER, record.better, 1_000)],
        metric=Metric(METRIC),
        rule=Rule(auto_conclude=True, min_phases=2, min_units_per_arm=size.units_per_arm),
    )
    asked = time.time()
    started = await client.start_experiment(name)
    allocations.append(timeline.split("10 %", started, begun=asked, settled=time.time()))
    screen.say(f"{name} started: 90 % champion, 10 % challenger, by unit")
    async with screen.following(lambda: client.results(name), journal):
        await _until(lambda: _has(len(journal.units) >= size.units_before_ramp), "units")
        asked = time.time()
        ramped = await client.ramp_experiment(name, {CHAMPION: 5_000, CHALLENGER: 5_000})
        allocations.append(timeline.split("50 %", ramped, begun=asked, settled=time.time()))
        screen.say(f"ramped to 50 % in {time.time() - asked:.2f} s, under traffic")
        record.experiment = await _concluded(client, name)
        winner, verdict = record.experiment.verdict.version, record.experiment.verdict
        allocations.append(
            timeline.everybody(
                "the winner",
                winner,
                begun=verdict.time.ToMicroseconds() / 1e6,
                settled=time.time(),
            )
        )
        screen.say(f"concluded by the rule: {verdict.summary}")
        target = len(journal.answers) + size.answers_after
        await _until(lambda: _has(len(journal.answers) >= target), "answers by the winner")
    record.model = await client.model(MODEL)


async def _concluded(client: AsyncClient, name: str) -> experiment_pb2.Experiment:
    """Waits until the rule has concluded and the winner answers everybody."""

    async def decided() -> bool:
        return (await client.experiment(name)).HasField("verdict")

    try:
        await _until(decided, "the rule's conclusion", _CONCLUDED_TIMEOUT_S)
    except StoryError as error:
        results = await client.results(name)
        raise StoryError(f"{error}; the rule says: {results.recommendation}") from None
    verdict = (await client.experiment(name)).verdict
    # Asking for the winner that the rule has chosen changes nothing, and waits for its promotion.
    return await client.conclude_experiment(name, winner=verdict.winner)


async def _all_counted(client: AsyncClient, record: Record) -> None:
    """Waits until Envoy's log has been shipped; what is then missing is lost."""
    taken = sum(bool(answer.experiment) for answer in record.journal.answers)

    async def shipped() -> bool:
        record.results = await client.results(record.experiment.name)
        return record.results.facts.exposures >= taken

    try:
        await _until(shipped, "the last exposures", _COUNTED_TIMEOUT_S)
    except StoryError:
        return  # the check at the end says how many are missing


async def _until(
    condition: Callable[[], Awaitable[bool]], what: str, timeout_s: float = 60.0
) -> None:
    """Waits for `condition`; a service that restarts meanwhile is asked again."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while True:
        try:
            if await condition():
                return
        except AlgoLinkError as error:
            if error.code != "UNAVAILABLE":
                raise
        if loop.time() > deadline:
            raise StoryError(f"waited {timeout_s:.0f} s for {what}")
        await asyncio.sleep(_POLL_S)


async def _has(condition: bool) -> bool:
    return condition
