"""Predictions without a proxy, on a real stack."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from algolink import split
from algolink.client import AsyncClient
from algolink.experiment.v1 import experiment_pb2
from examples.digits.material import Training
from tests.e2e.laboratory import CANDIDATE, CONTROL, running_experiment
from tests.e2e.stack import Stack, until, until_async

pytestmark = pytest.mark.e2e


class Child:
    """A process that predicts."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert self.said() == {"ready": True}

    def ask(self, model: str, **arguments: object) -> dict[str, Any]:
        self.send(model, **arguments)
        return self.said()

    def send(self, model: str, **arguments: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"model": model, **arguments}) + "\n")
        self._process.stdin.flush()

    def said(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        return said

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def child(stack: Stack, kind: str, spool: Path) -> Iterator[Child]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.proxyless_child", kind, stack.admin_endpoint, str(spool)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "ALGOLINK_TOKEN": stack.token},
        text=True,
    )
    with process:
        try:
            yield Child(process)
            if process.poll() is None and process.stdin is not None:
                process.stdin.close()
                assert process.wait(60) == 0
        finally:
            process.kill()


def arm_of(experiment: experiment_pb2.Experiment, unit: str) -> str:
    table = split.Table(tuple(split.Segment(s.start, s.end, s.arm) for s in experiment.segments))
    return table.arm_of(split.bucket(experiment.salt, unit))


@pytest.mark.parametrize("kind", ["sync", "aio"])
async def test_units_go_where_their_hash_says_and_are_counted(
    stack: Stack, client: AsyncClient, training: Training, tmp_path: Path, kind: str
) -> None:
    async with running_experiment(stack, client, training, candidate_bp=5_000) as laboratory:
        model, experiment = laboratory.model, laboratory.experiment
        with child(stack, kind, tmp_path) as process:
            answers = {f"u{n}": process.ask(model, unit=f"u{n}") for n in range(40)}
            nobody = process.ask(model)
            explicit = process.ask(model, version=2)
            missing = process.ask(model, version=9)
            strange = process.ask("nobody-serves-this")
            malformed = process.ask(model, unit="no unit")

        for unit, answer in answers.items():
            arm = arm_of(experiment, unit)
            assert (answer["arm"], answer["version"]) == (arm, 1 if arm == CONTROL else 2)
        assert (nobody["version"], nobody["arm"]) == (1, "")
        assert explicit["version"] == 2
        assert missing == {"error": "VERSION_NOT_SERVED"}
        assert strange == {"error": "ROUTE_NOT_FOUND"}
        assert malformed == {"error": "UNIT_INVALID"}
        taken = Counter(answer["arm"] for answer in answers.values())

        async def are_counted() -> bool:
            facts = (await client.results(experiment.name)).facts
            return facts.exposures == len(answers) and facts.conflicts == 0

        await until_async(are_counted, "all exposures are counted")
        assert set(taken) == {CONTROL, CANDIDATE}
        status = await client.status()
        assert any(envoy.id.startswith("proxyless/") for envoy in status.envoys)


async def test_a_stock_client_gets_the_champion_and_is_not_counted(
    stack: Stack, client: AsyncClient, training: Training, tmp_path: Path
) -> None:
    file = tmp_path / "bootstrap.json"
    file.write_text(
        json.dumps(
            {
                "xds_servers": [
                    {"server_uri": stack.admin_endpoint, "channel_creds": [{"type": "insecure"}]}
                ],
                "node": {"id": "my-service", "metadata": {"algolink.token": stack.token}},
            }
        )
    )
    async with running_experiment(stack, client, training, candidate_bp=9_999) as laboratory:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.e2e.stock_xds_client", laboratory.model),
            env={**os.environ, "GRPC_XDS_BOOTSTRAP": str(file)},
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await asyncio.wait_for(process.communicate(), 60)

        assert said == b"1"
        results = await client.results(laboratory.experiment.name)
        assert results.facts.exposures == 0


async def test_what_a_killed_process_had_answered_is_counted_once(
    stack: Stack, client: AsyncClient, training: Training, tmp_path: Path
) -> None:
    async with running_experiment(stack, client, training, candidate_bp=5_000) as laboratory:
        model = laboratory.model
        answered = 0
        for _ in range(2):
            with child(stack, "sync", tmp_path) as process:
                for number in range(15):
                    assert process.ask(model, unit=f"u{number}")["arm"]
                    answered += 1
                process.kill()
        with child(stack, "sync", tmp_path) as process:
            assert process.ask(model, unit="last")["arm"]
            answered += 1

            async def are_counted() -> bool:
                facts = (await client.results(laboratory.experiment.name)).facts
                return facts.exposures == answered and facts.conflicts == 0

            await until_async(are_counted, "all exposures are counted")


async def test_changes_under_load_fail_nothing_and_send_nobody_astray(
    stack: Stack, client: AsyncClient, training: Training, tmp_path: Path
) -> None:
    async with running_experiment(stack, client, training, candidate_bp=1_000) as laboratory:
        model = laboratory.model
        answers: list[dict[str, Any]] = []
        is_over = threading.Event()
        with child(stack, "sync", tmp_path) as process:

            def ask() -> None:
                for number in itertools.count():
                    if is_over.is_set():
                        return
                    answers.append(process.ask(model, unit=f"u{number % 200}"))

            asking = asyncio.create_task(asyncio.to_thread(ask))
            try:
                for candidate_bp in (5_000, 500, 9_000):
                    weights = {CONTROL: 10_000 - candidate_bp, CANDIDATE: candidate_bp}
                    await laboratory.ramp(weights)
                await client.traffic.kill(model, 2)
                killed_from = len(answers) + 1
                await until(lambda: len(answers) > killed_from + 20, "more answers came")
                killed_to = len(answers)
                await client.traffic.revive(model, 2)
                await until(lambda: answers[-1].get("version") == 2, "the candidate is back")
            finally:
                is_over.set()
                await asking

        assert [answer for answer in answers if "error" in answer] == []
        assert {answer["version"] for answer in answers[killed_from:killed_to]} == {1}
        versions = {CONTROL: {1}, CANDIDATE: {1, 2}}
        assert all(answer["version"] in versions[answer["arm"]] for answer in answers)


async def test_predictions_go_on_while_services_die(
    stack: Stack, client: AsyncClient, training: Training, tmp_path: Path
) -> None:
    async with running_experiment(stack, client, training, candidate_bp=5_000) as laboratory:
        model = laboratory.model
        with child(stack, "sync", tmp_path) as process:
            answered = 0
            for victim in ("router", "experiment"):
                asked = process.ask(model, unit="before")
                assert asked["arm"] == arm_of(laboratory.experiment, "before")
                killed = stack.pid(victim)
                os.kill(killed, 9)
                for number in range(20):
                    answer = process.ask(model, unit=f"{victim}-{number}")
                    assert answer["arm"] == arm_of(laboratory.experiment, f"{victim}-{number}")
                answered += 21
                await until(
                    lambda victim=victim, killed=killed: stack.pid(victim) != killed,  # type: ignore[misc]
                    f"{victim} serves again",
                )
            await laboratory.ramp({CONTROL: 0, CANDIDATE: 10_000})
            assert process.ask(model, unit="after")["arm"] == CANDIDATE
            answered += 1

        async def are_counted() -> bool:
            facts = (await client.results(laboratory.experiment.name)).facts
            return facts.exposures == answered and facts.conflicts == 0

        await until_async(are_counted, "all exposures are counted")
