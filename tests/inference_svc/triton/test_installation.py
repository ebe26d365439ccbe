from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from algolink.errors import FailedPrecondition
from inference_svc.triton.installation import Installation
from tests import tritons


def test_the_environment_that_make_triton_makes_is_found() -> None:
    found = Installation.find(tritons.environment())

    assert os.access(found.program, os.X_OK)
    assert (found.folder / "onnxruntime").is_dir()
    assert not found.runs_onnx_itself


def test_a_server_that_nvidia_ships_runs_onnx_itself(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "tritonserver").touch()
    (tmp_path / "backends" / "onnxruntime").mkdir(parents=True)

    found = Installation.find(tmp_path)

    assert found.runs_onnx_itself
    assert found.environment == {}


def test_where_there_is_none_it_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(FailedPrecondition, match="there is none: run `make triton`") as caught:
        Installation.find(tmp_path)

    assert caught.value.reason == "TRITON_MISSING"


def test_an_environment_without_the_package_is_told(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)

    with pytest.raises(FailedPrecondition, match="nvidia-pytriton is not installed"):
        Installation.find(tmp_path)
