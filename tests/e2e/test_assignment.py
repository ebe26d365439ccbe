from __future__ import annotations

import asyncio

import pytest
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

from algolink.client import AsyncClient
from algolink.openfeature import AlgoLinkProvider
from examples.digits.material import Training
from tests.e2e.laboratory import running_experiment
from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

UNITS = [f"reader-{number}" for number in range(40)]


async def test_whoever_is_asked_names_the_arm_that_answers(
    stack: Stack, client: AsyncClient, training: Training
) -> None:
    async with running_experiment(stack, client, training, candidate_bp=5_000) as laboratory:
        name = laboratory.experiment.name.removeprefix("experiments/")
        image = training.images[:1]
        answered = [
            (await client.predict(laboratory.model, image, unit=unit)).arm for unit in UNITS
        ]

        one_by_one = [(await client.assignments.of(name, unit)).arm for unit in UNITS]
        at_once = [arm async for _, arm in client.assignments.of_many(name, UNITS)]
        token = client.connection.token
        remote = OFREPProvider(
            f"http://{client.connection.admin_endpoint}",
            headers_factory=lambda: {"Authorization": f"Bearer {token}"},
        )
        local = AlgoLinkProvider(client.connection.admin_endpoint, token=token)
        try:
            by_flag = [await asyncio.to_thread(flags, name, each) for each in (remote, local)]
        finally:
            await asyncio.to_thread(api.clear_providers)

        assert len(set(answered)) == 2
        assert [one_by_one, at_once, *by_flag] == [answered] * 4


def flags(name: str, provider: OFREPProvider | AlgoLinkProvider) -> list[str]:
    """The arm of each unit, as the flag's value."""
    api.set_provider_and_wait(provider)
    asked = api.get_client()
    return [asked.get_string_value(name, "-", EvaluationContext(unit)) for unit in UNITS]
