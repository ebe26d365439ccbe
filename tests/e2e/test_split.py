from __future__ import annotations

import asyncio
import itertools

import pytest

from algolink.client import AsyncClient
from examples.digits import checks
from examples.digits.material import Training
from tests.e2e.laboratory import CANDIDATE, CONTROL, running_experiment, under_traffic
from tests.e2e.stack import Stack, until

pytestmark = pytest.mark.e2e


async def test_two_thousand_units_go_where_their_hash_says(
    stack: Stack, client: AsyncClient, training: Training
) -> None:
    async with running_experiment(stack, client, training, candidate_bp=3_000) as laboratory:
        journal = laboratory.journal
        async with under_traffic(stack, laboratory, training, requests_per_s=400):
            await until(lambda: len(journal.units) >= 2_000, "2,000 units came", timeout_s=90)

        parity = checks.version_follows_bucket(journal, laboratory.timeline)
        assert parity.kept, parity.found
        assert {answer.arm for answer in journal.answers} == {CONTROL, CANDIDATE}


async def test_a_ramp_under_load_fails_nothing_and_moves_whom_it_must(
    stack: Stack, client: AsyncClient, training: Training
) -> None:
    async with running_experiment(stack, client, training, candidate_bp=1_000) as laboratory:
        async with under_traffic(stack, laboratory, training):
            await laboratory.answers(900)
            for candidate_bp in (2_000, 3_500, 5_000, 500, 5_000):
                await laboratory.ramp({CONTROL: 10_000 - candidate_bp, CANDIDATE: candidate_bp})
                await laboratory.answers(150)
            await laboratory.answers(600)

        assert [check for check in await laboratory.nothing_is_lost() if not check.kept] == []
        first, *_, last = laboratory.timeline.allocations
        moved = checks.ramp_moved_whom_it_must(laboratory.journal, laboratory.timeline, first, last)
        assert moved.kept, moved.found


async def test_an_explanation_agrees_with_what_happens(
    stack: Stack, client: AsyncClient, training: Training
) -> None:
    async with running_experiment(stack, client, training, candidate_bp=5_000) as laboratory:
        units = [f"reader-{number}" for number in range(40)]
        image = training.images[:1]

        explained = await asyncio.gather(
            *(client.explain(laboratory.model, unit=unit) for unit in units)
        )
        answered = [await client.predict(laboratory.model, image, unit=unit) for unit in units]

        for explanation, answer in zip(explained, answered, strict=True):
            assert (explanation.version, explanation.arm) == (answer.version, answer.arm)
        assert len(list(itertools.groupby(sorted(answer.version for answer in answered)))) == 2
