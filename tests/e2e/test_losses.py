"""An Envoy that is killed in traffic: what it may have lost is seen, and decisions wait."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from algolink.client import AsyncClient
from algolink.errors import Unavailable
from examples.digits.material import Training
from tests.e2e.laboratory import running_experiment
from tests.e2e.stack import Stack, Up, until_async

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own, in which nobody else loses anything."""
    folder = tmp_path_factory.mktemp("losses-stack")
    up = Up(folder / "logs", "--port", "0", "--admin-port", "0", "--data-dir", str(folder / "data"))
    try:
        yield up.ready()
    finally:
        up.interrupt()


async def test_a_killed_envoy_stops_the_rule_until_somebody_acknowledges_it(
    stack: Stack, client: AsyncClient, training: Training
) -> None:
    async with running_experiment(stack, client, training, candidate_bp=4_000) as laboratory:
        name = laboratory.experiment.name

        async def lost() -> bool:
            try:
                return any(loss.experiment == name for loss in await client.losses.unacknowledged())
            except Unavailable:
                return False  # administration goes through the Envoy that was killed

        for number in range(50):
            await client.predict(laboratory.model, training.images[:1], unit=f"user-{number}")
        os.kill(stack.envoy_pid(), signal.SIGKILL)
        await until_async(lost, "the loss is reported")

        # Experiments of other tests may have had requests in that moment, too.
        [loss] = [each for each in await client.losses.unacknowledged() if each.experiment == name]
        results = await client.results(laboratory.model)
        taken = await client.losses.acknowledge(laboratory.model, note="killed on purpose")
        after = await client.results(laboratory.model)

    assert loss.at_least
    assert "exposures are lost" in results.recommendation
    assert len(taken) == 1
    assert "lost" not in after.recommendation
    assert [entry.note for entry in after.losses] == ["killed on purpose"]
    assert name not in [each.experiment for each in await client.losses.unacknowledged()]
