"""A stream through the real stack: one assignment, kept for as long as it is open."""

from __future__ import annotations

import asyncio
import queue
from typing import Any

import pytest
import tritonclient.grpc as triton

from algolink.client import AsyncClient
from algolink.names import UNIT_HEADER
from examples.digits.material import INPUT, Training
from tests.e2e.laboratory import running_experiment
from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

REQUESTS = 500


def stream(endpoint: str, model: str, unit: str, training: Training) -> list[tuple[Any, Any]]:
    """What a stock client hears for `REQUESTS` requests on one stream."""
    heard: queue.Queue[tuple[Any, Any]] = queue.Queue()
    with triton.InferenceServerClient(endpoint) as client:
        client.start_stream(
            lambda result, error: heard.put((result, error)), headers={UNIT_HEADER: unit}
        )
        for number in range(REQUESTS):
            image = training.images[number % 100 : number % 100 + 1]
            tensor = triton.InferInput(INPUT, list(image.shape), "FP32")
            tensor.set_data_from_numpy(image)
            client.async_stream_infer(model, [tensor], request_id=str(number))
        answers = [heard.get(timeout=10) for _ in range(REQUESTS)]
        client.stop_stream()
    return answers


@pytest.mark.parametrize(("candidate_bp", "version"), [(9_999, "2"), (1, "1")])
async def test_a_stream_runs_the_version_of_its_unit_and_keeps_its_order(
    stack: Stack, client: AsyncClient, training: Training, candidate_bp: int, version: str
) -> None:
    async with running_experiment(stack, client, training, candidate_bp=candidate_bp) as laboratory:
        answers = await asyncio.to_thread(
            stream, stack.data_endpoint, laboratory.model, "unit-1", training
        )

    assert [error for _, error in answers if error is not None] == []
    responses = [result.get_response() for result, _ in answers]
    assert [response.id for response in responses] == [str(n) for n in range(REQUESTS)]
    assert {response.model_version for response in responses} == {version}
