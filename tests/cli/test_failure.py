from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from algolink.errors import NotFound, Unauthenticated
from cli import failure
from tests.cli.conftest import Run


def failing(error: BaseException) -> click.Command:
    def callback() -> None:
        raise error

    return click.Command("fail", callback=callback)


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (NotFound("MODEL_NOT_FOUND", "no model x"), 1, "error: no model x [MODEL_NOT_FOUND]\n"),
        (FileNotFoundError(2, "No such file or directory", "a.onnx"), 1,
         "error: a.onnx: No such file or directory [FILE_NOT_FOUND]\n"),
        (NotFound("R", "two\nlines"), 1, "error: two lines [R]\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_one_line_and_a_status(
    error: BaseException, status: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failure.run(failing(error), []) == status
    assert capsys.readouterr().err.lstrip("\n") == line


def test_a_missing_token_says_what_to_do() -> None:
    assert "--token-file" in failure.described(Unauthenticated("TOKEN_MISSING", "no token"))


def test_up_without_triton_says_what_to_run(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALGOLINK_TRITON_ENVIRONMENT", str(tmp_path))

    done = run("up", "--engine", "triton", "--data-dir", str(tmp_path / "data"))

    assert done.status == 1
    assert "run `make triton`" in done.err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("model", "push", "x.onnx"),
        ("predict", "iris", "--input", "[1]", "--version", "zero"),
        ("experiment", "conclude", "e-1", "--force"),
        ("up", "--ephemeral", "--data-dir", "anywhere"),
        ("up", "--port", "70000"),
        ("up", "--port", "7000", "--admin-port", "7000"),
        ("up", "--replicas", "0"),
    ],
)
def test_misuse_is_status_2_and_points_to_the_help(arguments: tuple[str, ...], run: Run) -> None:
    done = run(*arguments)

    assert done.status == 2
    assert done.err.count("\n") == 1
    assert "--help" in done.err


def test_the_real_command_prints_one_line_where_nothing_listens(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "model", "list", "--endpoint", "127.0.0.1:1"],
        env={**os.environ, "ALGOLINK_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "error: nothing answers at 127.0.0.1:1: is `algolink up` running? [ENDPOINT_UNREACHABLE]\n"
    )
