from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli import failure
from cli.main import algolink
from tests.algolink_client import fakes


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    status: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def world() -> fakes.World:
    return fakes.World()


@pytest.fixture
def endpoint(world: fakes.World) -> Iterator[str]:
    with fakes.serving(world) as address:
        yield address


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command line in this process."""

    def run(*arguments: str) -> Done:
        status = failure.run(algolink, arguments)
        captured = capsys.readouterr()
        return Done(status, captured.out, captured.err)

    return run


@pytest.fixture
def connected(run: Run, endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs a command line that finds the fakes by its environment."""
    monkeypatch.setenv("ALGOLINK_ENDPOINT", endpoint)
    monkeypatch.setenv("ALGOLINK_DATA_ENDPOINT", endpoint)
    monkeypatch.setenv("ALGOLINK_TOKEN", fakes.TOKEN)
    monkeypatch.setenv("ALGOLINK_DATA_DIR", str(tmp_path / "nothing"))
    return run


@pytest.fixture
def onnx(tmp_path: Path) -> str:
    path = tmp_path / "iris.onnx"
    path.write_bytes(b"a model, says the fake registry")
    return str(path)
