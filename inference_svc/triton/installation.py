"""Where a Triton server is on this machine, and what it needs to run."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from algolink.errors import FailedPrecondition

_PROBE: Final = (
    "import json, sysconfig; "
    "print(json.dumps([sysconfig.get_path('platlib'), sysconfig.get_config_var('LIBDIR')]))"
)
"""Asks a Python for its packages' folder, and for that of its own shared library."""

_PROBE_TIMEOUT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Installation:
    """A Triton server that can be started.

    Attributes:
        program: its executable.
        backends: folder of its backends.
        folder: what it must be started in: with the Python backend, its programs look
            for packages there first.
        environment: what it needs beyond the environment of its starter.
    """

    program: Path
    backends: Path
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def find(cls, where: Path) -> Self:
        """The server in `where`.

        Args:
            where: an environment with `nvidia-pytriton`, as `make triton` makes it, or
                the folder of a server that NVIDIA ships.

        Raises:
            FailedPrecondition: TRITON_MISSING, and what to do about it.
        """
        if (where / "bin" / "tritonserver").is_file():
            return cls(where / "bin" / "tritonserver", where / "backends", where)
        python = where / "bin" / "python"
        if not python.is_file():
            raise _missing(where, "there is none")
        packages, libraries = _probed(where, python)
        server = packages / "pytriton" / "tritonserver"
        program, backends = server / "bin" / "tritonserver", server / "backends"
        if not program.is_file():
            raise _missing(where, "nvidia-pytriton is not installed there")
        if not (backends / "python" / "triton_python_backend_stub").is_file():
            raise _missing(where, "its Python backend lacks the program for this Python")
        present = os.environ.get("LD_LIBRARY_PATH")
        return cls(
            program,
            backends,
            packages,
            # The backend's program is linked against the library of this Python.
            {"LD_LIBRARY_PATH": f"{libraries}:{present}" if present else libraries},
        )

    @property
    def runs_onnx_itself(self) -> bool:
        """Whether it has NVIDIA's ONNX Runtime backend, which needs no Python."""
        return (self.backends / "onnxruntime").is_dir()


def _probed(where: Path, python: Path) -> tuple[Path, str]:
    try:
        told = subprocess.run(  # noqa: S603 - the command is ours
            [python, "-I", "-c", _PROBE],
            capture_output=True,
            check=True,
            timeout=_PROBE_TIMEOUT_S,
        )
        packages, libraries = json.loads(told.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise _missing(where, f"its Python does not run: {error}") from error
    return Path(packages), str(libraries)


def _missing(where: Path, why: str) -> FailedPrecondition:
    return FailedPrecondition(
        "TRITON_MISSING",
        f"no Triton server in {where}: {why}: run `make triton` in a checkout of AlgoLink, or set "
        "ALGOLINK_TRITON_ENVIRONMENT to an environment with nvidia-pytriton, or to the folder "
        "of a server",
        environment=where,
    )
