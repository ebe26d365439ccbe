"""Rules that an operator sets by command line, on a whole stack."""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from algolink import split
from algolink.client import AsyncClient
from algolink.names import UNIT_HEADER, VERSION_HEADER
from examples.digits.material import INPUT, Training
from tests.e2e.stack import Stack, until, until_async

pytestmark = pytest.mark.e2e

RULES = """\
overrides: {tester-1: 2}
audiences:
  - name: french-adults
    when:
      - {attribute: country, equals: FR}
      - {attribute: age, range: [18, 130]}
    version: 2
holdout: {share: 50%}
shadow: {version: 2, share: 100%}
retries: {number: 1, failures: [connect-failure, reset]}
timeouts: {request: 20s, attempt: 10s}
"""


@dataclass
class Operator:
    """Somebody at a terminal, and somebody else who predicts."""

    stack: Stack
    model: str
    training: Training
    session: aiohttp.ClientSession

    async def run(self, *arguments: str) -> tuple[int, str, str]:
        """Runs `algolink`; exit status, stdout and stderr."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli.main", *arguments),
            *("--data-dir", str(self.stack.data_dir)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()
        return process.returncode or 0, output.decode(), errors.decode()

    async def explain(self, *arguments: str) -> dict[str, Any]:
        status, output, errors = await self.run(
            "route", "explain", self.model, "-o", "json", *arguments
        )
        assert status == 0, errors
        explained: dict[str, Any] = json.loads(output)
        return explained

    async def predict(self, unit: str = "", **attributes: str) -> str:
        """Version that answers."""
        tensor = {"name": INPUT, "datatype": "FP32", "shape": [1, 64]}
        headers = {f"x-algolink-attr-{name}": value for name, value in attributes.items()}
        async with self.session.post(
            f"http://{self.stack.data_endpoint}/v2/models/{self.model}/infer",
            json={"inputs": [{**tensor, "data": self.training.images[0].tolist()}]},
            headers=headers | ({UNIT_HEADER: unit} if unit else {}),
        ) as answer:
            assert answer.status == 200, await answer.text()
            return answer.headers[VERSION_HEADER]

    def logged(self, kind: str) -> list[dict[str, Any]]:
        """Lines of the exposure log of every Envoy so far about the model."""
        logs = (self.stack.data_dir / "mesh" / "runs").glob("*/exposure.log")
        whole = [log.read_bytes().rpartition(b"\n")[0] for log in sorted(logs)]
        lines = [json.loads(line) for log in whole for line in log.splitlines()]
        return [line for line in lines if (line["kind"], line["model"]) == (kind, self.model)]


@pytest.fixture
async def operator(
    stack: Stack, client: AsyncClient, training: Training
) -> AsyncIterator[Operator]:
    model = f"digits-{uuid.uuid4().hex[:8]}"
    await client.push(training.champion.onnx, name=model)
    await client.push(training.challenger.onnx, name=model)
    async with aiohttp.ClientSession() as session:
        yield Operator(stack, model, training, session)


async def test_rules_of_a_file_are_what_every_request_meets(
    operator: Operator, client: AsyncClient, tmp_path: Path
) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(RULES)
    await client.traffic.shift(operator.model, {2: 10_000})

    status, output, errors = await operator.run(
        "traffic", "rules", "set", operator.model, "--file", str(file), "-o", "json"
    )

    assert status == 0, errors
    decided = json.loads(output)
    assert decided["live"]
    layer = decided["rules"]["holdout"]["layer"]
    held = {u for u in map("unit-{}".format, range(30)) if split.is_held_out(layer, u, 5_000)}
    for unit in map("unit-{}".format, range(30)):
        assert await operator.predict(unit) == ("1" if unit in held else "2")
    one = sorted(held)[0]
    assert await operator.predict(one, country="FR", age="18") == "2"
    assert await operator.predict(one, country="FR", age="17") == "1"
    assert await operator.predict("tester-1") == "2"
    await until(lambda: len(operator.logged("shadow")) >= 33, "every request has a shadow")

    audience = await operator.explain("--unit", one, "--attr", "country=FR", "--attr", "age=18")
    assert (audience["version"], decider(audience)) == ("2", "audience")
    holdout = await operator.explain("--unit", one, "--attr", "country=FR")
    assert (holdout["version"], decider(holdout)) == ("1", "holdout")
    tester = await operator.explain("--unit", "tester-1")
    assert (tester["version"], decider(tester)) == ("2", "override")

    status, _, errors = await operator.run("traffic", "kill", operator.model, "2")
    assert status == 0, errors
    assert await operator.predict("tester-1") == "1"
    assert decider(await operator.explain("--unit", "tester-1")) == "kill"


def decider(explained: dict[str, Any]) -> str:
    [rule] = [rule["rule"] for rule in explained["rules"] if rule["decided"]]
    return str(rule)


async def test_a_version_that_is_archived_is_refused_with_its_line(
    operator: Operator, client: AsyncClient, tmp_path: Path
) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("holdout: {share: 1%}\nshadow:\n  share: 10%\n  version: 2\n")
    await client.lifecycle.archive(operator.model, 2)

    told = ""

    async def refused() -> bool:  # the router hears of it a little later
        nonlocal told
        _, _, told = await operator.run(
            "traffic", "rules", "set", operator.model, "--file", str(file), "--no-wait"
        )
        return "VERSION_ARCHIVED" in told

    await until_async(refused, "the version is refused")
    assert f"{file}: line 4: shadow.version: version 2 of {operator.model} is archived" in told
