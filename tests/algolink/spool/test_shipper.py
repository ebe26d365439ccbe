"""Shipping, against a fact service behind a real channel."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from algolink.spool.checkpoint import Checkpoint
from algolink.spool.log_files import LogFiles
from algolink.spool.shipper import BATCH_LINES, Pace, Shipper
from chassis.channel import open_channel
from mesh_agent.app import record_over
from tests.mesh import builders
from tests.mesh_agent.builders import a_line
from tests.mesh_agent.facts import Facts, serving


@dataclass
class Yard:
    """A log, and a fact service that it is shipped to."""

    folder: Path
    facts: Facts
    port: int

    @property
    def log(self) -> LogFiles:
        return LogFiles(self.folder / "exposure.log")

    @property
    def quarantined(self) -> list[str]:
        file = self.folder / "quarantine.log"
        return [json.loads(line)["line"] for line in file.read_text().splitlines()]

    def has_batches(self, count: int) -> bool:
        return len(self.facts.batches) >= count

    def has_rotated(self, shipper: Shipper, count: int) -> bool:
        return len(list(self.folder.glob("exposure.log*"))) + shipper.given_up >= count

    def write(self, lines: Sequence[bytes]) -> None:
        with self.log.path.open("ab") as file:
            file.writelines(line + b"\n" for line in lines)

    @contextlib.asynccontextmanager
    async def shipper(
        self, *, rotate_bytes: int = 1 << 30, backlog_bytes: int | None = None
    ) -> AsyncIterator[Shipper]:
        async def reopen() -> None:
            self.log.path.touch()

        async with open_channel(f"127.0.0.1:{self.port}", None) as channel:
            shipper = Shipper(
                self.log,
                Checkpoint(self.folder / "checkpoint.json"),
                self.folder / "quarantine.log",
                record_over(channel, "envoy-1"),
                reopen=reopen,
                rotate_bytes=rotate_bytes,
                backlog_bytes=backlog_bytes,
                pace=Pace(poll_s=0.005, backoff_s=0.005, backoff_max_s=0.02),
            )
            yield shipper
            # The next one must not meet what a cancelled call of this one still does on disk.
            shipper.close()


@pytest.fixture
async def yard(tmp_path: Path) -> AsyncIterator[Yard]:
    facts = Facts()
    async with serving(facts) as port:
        yield Yard(tmp_path, facts, port)


async def test_everything_is_shipped_in_batches(yard: Yard) -> None:
    yard.write([a_line() for _ in range(2 * BATCH_LINES + 5)])

    async with yard.shipper() as shipper:
        await shipper.drain()

        assert yard.facts.batches == [BATCH_LINES, BATCH_LINES, 5]
        assert len(yard.facts.kept) == 2 * BATCH_LINES + 5
        assert shipper.lag_bytes() == 0


async def test_what_is_acknowledged_is_not_sent_again_after_a_restart(yard: Yard) -> None:
    yard.write([a_line() for _ in range(3)])
    async with yard.shipper() as shipper:
        await shipper.drain()
    yard.write([a_line()])

    async with yard.shipper() as shipper:
        await shipper.drain()

    assert yard.facts.batches == [3, 1]


async def test_nothing_is_checkpointed_before_it_is_acknowledged(yard: Yard) -> None:
    yard.facts.failure_rate = 1.0
    yard.write([a_line()])

    async with yard.shipper() as shipper:
        shipping = asyncio.create_task(shipper.run())
        await builders.until(lambda: yard.facts.failures > 3)

        assert shipper.position is None
        assert not (yard.folder / "checkpoint.json").exists()
        shipping.cancel()

    yard.facts.failure_rate = 0.0
    async with yard.shipper() as shipper:
        await shipper.drain()
    assert len(yard.facts.kept) == 1


async def test_malformed_lines_are_set_aside_and_hold_up_nothing(yard: Yard) -> None:
    yard.write([a_line(), b"garbage \xff", a_line(), b"", a_line()])

    async with yard.shipper() as shipper:
        await shipper.drain()

    assert len(yard.facts.kept) == 3
    assert yard.quarantined == ["garbage \\xff", ""]


async def test_a_line_that_the_service_refuses_is_found_and_set_aside(yard: Yard) -> None:
    yard.facts.refused_models = frozenset({"refused"})
    bad = [a_line(model="refused"), a_line(model="refused")]
    yard.write([*[a_line() for _ in range(50)], bad[0], *[a_line() for _ in range(30)], bad[1]])

    async with yard.shipper() as shipper:
        await shipper.drain()

    assert len(yard.facts.kept) == 80
    assert yard.quarantined == [line.decode() for line in bad]
    assert not yard.facts.conflicts


async def test_a_file_is_deleted_only_when_it_is_shipped(yard: Yard) -> None:
    yard.facts.failure_rate = 1.0
    yard.write([a_line() for _ in range(10)])

    async with yard.shipper(rotate_bytes=100) as shipper:
        shipping = asyncio.create_task(shipper.run())
        await builders.until(lambda: yard.facts.failures > 3)
        assert len(list(yard.folder.glob("exposure.log.*"))) == 1
        yard.facts.failure_rate = 0.0
        await builders.until(lambda: len(yard.facts.kept) == 10)
        yard.write([a_line()])
        await builders.until(lambda: len(yard.facts.kept) == 11)
        await builders.until(lambda: shipper.lag_bytes() == 0)
        yard.write([a_line()])
        await builders.until(lambda: len(yard.facts.kept) == 12)
        shipping.cancel()

    assert len(list(yard.folder.glob("exposure.log*"))) <= 2


async def test_a_service_that_is_away_is_waited_for(yard: Yard, tmp_path: Path) -> None:
    facts, port = Facts(), builders.free_port()
    away = Yard(tmp_path, facts, port)
    away.write([a_line()])

    async with away.shipper() as shipper:
        shipping = asyncio.create_task(shipper.drain())
        async with serving(facts, port):
            await asyncio.wait_for(shipping, 20)

    assert len(facts.kept) == 1


async def test_random_failures_and_rotations_lose_and_double_nothing(yard: Yard) -> None:
    yard.facts.failure_rate = 0.4
    written = [a_line() for _ in range(600)]

    for part in range(0, 600, 100):
        async with yard.shipper(rotate_bytes=5_000) as shipper:
            shipping = asyncio.create_task(shipper.run())
            for start in range(part, part + 100, 10):
                yard.write(written[start : start + 10])
                seen = len(yard.facts.batches)
                await builders.until(partial(yard.has_batches, seen + 1))
            shipping.cancel()
    yard.facts.failure_rate = 0.0
    async with yard.shipper() as shipper:
        await shipper.drain()

    assert set(yard.facts.kept) == {json.loads(line)["request_id"] for line in written}
    assert not yard.facts.conflicts
    assert yard.facts.failures > 0


async def test_what_stands_behind_a_torn_line_is_shipped(yard: Yard) -> None:
    torn, whole = a_line()[:100], a_line()
    yard.write([a_line(), torn + whole])

    async with yard.shipper() as shipper:
        await shipper.drain()
        counted = await shipper.survey()

    assert json.loads(whole)["request_id"] in yard.facts.kept
    assert yard.quarantined == [torn.decode()]
    assert counted == {"digits-1": 2}


async def test_a_survey_counts_what_is_delivered_and_what_is_not_yet(yard: Yard) -> None:
    yard.write([a_line() for _ in range(3)])
    async with yard.shipper() as shipper:
        await shipper.drain()
    yard.write([a_line(), a_line(kind="shadow"), a_line(experiment=None), b"garbage"])

    async with yard.shipper() as shipper:
        assert await shipper.survey() == {"digits-1": 4}
        assert await shipper.survey() == {"digits-1": 4}


async def test_the_log_is_rotated_and_bounded_while_the_service_is_away(yard: Yard) -> None:
    yard.facts.failure_rate = 1.0
    async with yard.shipper(rotate_bytes=5_000, backlog_bytes=20_000) as shipper:
        shipping = asyncio.create_task(shipper.run())
        for _ in range(20):
            seen = len(list(yard.folder.glob("exposure.log*"))) + shipper.given_up
            yard.write([a_line() for _ in range(20)])
            await builders.until(partial(yard.has_rotated, shipper, seen + 1))
        await builders.until(lambda: shipper.lag_bytes() <= 20_000)
        assert shipper.given_up > 0
        assert shipper.oldest is not None

        yard.facts.failure_rate = 0.0
        await builders.until(lambda: shipper.lag_bytes() == 0)
        survey = await shipper.survey()
        shipping.cancel()

    assert 0 < len(yard.facts.kept) < 400
    assert survey["digits-1"] == len(yard.facts.kept)
    assert not yard.facts.conflicts
