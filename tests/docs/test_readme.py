"""The README is run: every command and every example in it, against the real stack."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.stack import Stack

_ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)

# What the test environment does in their place: it has an environment, and a stack on free ports.
_DONE_BY_FIXTURES = ("source .venv/bin/activate", "algolink up")
_DATA_ENDPOINT = "127.0.0.1:9000"


def _blocks(language: str) -> list[str]:
    readme = (_ROOT / "README.md").read_text(encoding="utf-8")
    return [block["text"] for block in _BLOCK.finditer(readme) if block["language"] == language]


def _commands() -> list[str]:
    lines = [line for block in _blocks("console") for line in block.splitlines()]
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder that looks like a clone, in which examples may write."""
    (tmp_path / "examples").symlink_to(_ROOT / "examples")
    return tmp_path


def _run(command: list[str], place: Path, stack: Stack) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "ALGOLINK_DATA_DIR": str(stack.data_dir),
    }
    done = subprocess.run(
        command, cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done


@pytest.mark.e2e
def test_every_command_and_example_works(stack: Stack, place: Path) -> None:
    mine = [
        command
        for command in _commands()
        if not command.startswith("make ") and command not in _DONE_BY_FIXTURES
    ]
    examples = [text.replace(_DATA_ENDPOINT, stack.data_endpoint) for text in _blocks("python")]
    assert mine
    assert examples

    for command in mine:
        done = _run(["bash", "-c", command], place, stack)
        assert done.stdout or done.stderr, f"{command} prints nothing"
    printed = [_run([sys.executable, "-c", example], place, stack).stdout for example in examples]

    assert "says 1" in printed[0]
    assert printed[1].strip() == "[1]"


@pytest.mark.parametrize("command", [c for c in _commands() if c.startswith("make ")])
def test_make_knows_every_target(command: str) -> None:
    make = ["make", "-n", "-C", str(_ROOT), *command.split()[1:]]

    done = subprocess.run(make, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_everything_in_the_layout_is_there() -> None:
    layout = _blocks("text")[-1]
    named = re.findall(r"(?:^|\s{2,})((?:[a-z_]+/)+|[A-Z]+\.md)(?=\s)", layout, re.MULTILINE)

    assert len(named) > 10
    assert [name for name in named if not (_ROOT / name).exists()] == []
