"""Programs of kserve's and MLServer's clients, run in environments of their own."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, Final

import pytest

_ENVIRONMENTS: Final = Path(__file__).parents[2] / ".venv-clients"
"""Where `make clients` puts them; `make test` does so first."""

_TWENTYFOLD: Final = [[0.0, 20.0, 40.0, 60.0], [80.0, 100.0, 120.0, 140.0]]


async def answers(client: str, grpc_address: str, http_url: str) -> Any:
    """What the program of `client`, kserve or mlserver, was answered."""
    program = Path(__file__).parent / f"{client}_client.py"
    python = environment(client) / "bin" / "python"
    return json.loads(await output_of(python, str(program), grpc_address, http_url))


def by_kserve(version: str) -> Any:
    """What kserve's program must be answered by that version of `scaled`."""
    ready = {"live": True, "ready": True, "model_ready": True}
    numbers, text = _numbers(version), _text()
    # Its reader of JSON leaves the version out.
    bare, bare_text = numbers | {"version": None}, text | {"version": None}
    return {
        "grpc": ready | {"typed": numbers, "raw": numbers, "text": text, "unknown": "NOT_FOUND"},
        "rest": ready | {"typed": bare, "raw": bare, "text": bare_text, "unknown": "404"},
    }


def by_mlserver(version: str) -> Any:
    """What MLServer's program must be answered by that version of `scaled`."""
    typed = {"input": "x", "typed": _numbers(version), "text": _text()}
    raw = {"ready": True, "raw": _numbers(version), "raw_text": _text()}
    return {"grpc": typed | raw, "rest": typed}


def _numbers(version: str) -> dict[str, Any]:
    return {"id": "r-1", "model": "scaled", "version": version, "values": _TWENTYFOLD}


def _text() -> dict[str, Any]:
    return {"id": "r-2", "model": "text", "version": "1", "values": ["ä", "b"]}


async def output_of(program: Path, *arguments: str) -> bytes:
    """What a program writes; its own errors are the test's."""
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(120):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, errors.decode()
    return output


def environment(client: str) -> Path:
    """The environment with that client.

    Skips the test where there is none for this machine, and fails it where there
    could be one.
    """
    if not (3, 11) <= sys.version_info[:2] <= (3, 12):
        pytest.skip("kserve's and MLServer's clients are tested on Python 3.11 and 3.12")
    if not (_ENVIRONMENTS / client / ".installed").exists():
        pytest.fail(f"no client of {client} in {_ENVIRONMENTS}: run `make clients`")
    return _ENVIRONMENTS / client
