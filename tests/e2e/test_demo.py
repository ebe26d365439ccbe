from __future__ import annotations

import io

import pytest
from rich.console import Console

from algolink.client import AsyncClient
from examples.digits.live import Screen
from examples.digits.material import Training
from examples.digits.record import promises
from examples.digits.story import Size, tell
from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

_SMALL = Size(answers_before=30, units_before_ramp=500, units_per_arm=200, answers_after=100)


@pytest.mark.parametrize("run", ["first", "again on the same folder"])
async def test_the_demo_in_small_keeps_its_promises(
    stack: Stack, client: AsyncClient, training: Training, run: str
) -> None:
    screen = Screen(Console(file=io.StringIO()))

    record = await tell(client, stack.data_endpoint, training, screen, _SMALL)

    assert [check for check in promises(record) if not check.kept] == []
