"""The Triton server that tests start."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

ENVIRONMENT = Path(__file__).parent.parent / ".venv-triton"
"""Where `make triton` puts it; `make test` does so first."""


def environment() -> Path:
    """The environment with Triton.

    Skips the test where there is none for this machine, and fails it where there
    could be one.
    """
    if platform.system() != "Linux" or not (3, 11) <= sys.version_info[:2] <= (3, 12):
        pytest.skip("nvidia-pytriton runs on Linux, and with numpy 1 on Python 3.11 and 3.12")
    if not (ENVIRONMENT / ".installed").exists():
        pytest.fail(f"no Triton in {ENVIRONMENT}: run `make triton`")
    return ENVIRONMENT
