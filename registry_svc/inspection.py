"""Asks a process of its own what an artifact is."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from asyncio import subprocess
from pathlib import Path
from typing import Protocol

from algolink.errors import InvalidArgument
from registry_svc import rows
from registry_svc.domain.versions import Signature

_log = logging.getLogger(__name__)

_AT_ONCE = 2
_MAX_MESSAGE = 500


class Inspector(Protocol):
    """Reads what an artifact takes and gives."""

    async def inspect(self, path: Path) -> Signature:
        """Signature of the model in a file.

        Raises:
            InvalidArgument: ARTIFACT_NOT_LOADABLE.
        """


class OnnxInspector:
    """Loads ONNX files with ONNX Runtime, at most two at a time.

    Args:
        timeout_s: how long loading one may take, in seconds.
    """

    def __init__(self, *, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def inspect(self, path: Path) -> Signature:
        async with self._slots:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "registry_svc.inspect_onnx",
                str(path),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            try:
                async with asyncio.timeout(self._timeout_s):
                    output, errors = await process.communicate()
            except TimeoutError as error:
                raise _refused(f"loading it takes longer than {self._timeout_s:g} s") from error
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        if process.returncode != 0:
            _log.warning(
                "inspection crashed",
                extra={"exit": process.returncode, "stderr": errors.decode(errors="replace")},
            )
            raise _refused(f"the engine crashed on it (exit status {process.returncode})")
        answer = json.loads(output)
        if "refusal" in answer:
            raise _refused(answer["refusal"])
        return rows.signature(answer)


def _refused(why: str) -> InvalidArgument:
    why = " ".join(why.split())[:_MAX_MESSAGE]
    return InvalidArgument(
        "ARTIFACT_NOT_LOADABLE", f"the artifact is not a model that can be served: {why}", why=why
    )
