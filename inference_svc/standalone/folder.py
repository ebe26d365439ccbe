"""A folder of models: `MODEL/VERSION/model.onnx`, or `MODEL.onnx` for its version 1."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from algolink.errors import DataLoss, FailedPrecondition, InvalidArgument
from algolink.names import VersionName
from inference_svc.domain.holding import WantedVersion

_log = logging.getLogger(__name__)

_FILE: Final = "model.onnx"


class ModelFolder:
    """Versions as they lie in a folder, whose files may change at any time.

    What a version is, is what its file was when it was last listed: one that has
    changed since is loaded only once it is listed again. It is `Artifacts` for a host.
    """

    def __init__(self, root: Path) -> None:
        """Reads below `root`.

        Raises:
            FailedPrecondition: MODELS_MISSING, if there is no such folder.
        """
        if not root.is_dir():
            raise FailedPrecondition(
                "MODELS_MISSING", f"{root} is no folder of models", folder=str(root)
            )
        self._root = root
        self._paths: dict[str, Path] = {}

    async def versions(self, model: str | None = None) -> list[WantedVersion]:
        """All versions, or those of one model, sorted; read anew.

        Raises:
            OSError: if the folder cannot be read.
        """
        return await asyncio.to_thread(lambda: sorted(self._listed(model)))

    async def get(self, digest: str, size_bytes: int) -> Path:  # noqa: ARG002 - as `Artifacts` has it
        """The file of a listed version, verified just now.

        Raises:
            DataLoss: DIGEST_MISMATCH, if it has changed since.
            OSError: if it cannot be read.
        """
        path = self._paths[digest]
        actual = await asyncio.to_thread(_digest, path)
        if actual != digest:
            raise DataLoss(
                "DIGEST_MISMATCH",
                f"{path} has changed since it was listed: load its model again",
                expected=digest,
                actual=actual,
            )
        return path

    async def trim(self, is_kept: Callable[[str], bool]) -> None:
        """Removes nothing: the files are not ours."""

    def _listed(self, model: str | None) -> Iterator[WantedVersion]:
        for path, name in self._named():
            if model in (None, name.model):
                digest = _digest(path)
                self._paths[digest] = path
                yield WantedVersion(name, digest, path.stat().st_size)

    def _named(self) -> Iterator[tuple[Path, VersionName]]:
        for path in sorted(self._root.iterdir()):
            if path.suffix == ".onnx" and path.is_file():
                found = [(path, path.stem, "1")]
            elif path.is_dir():
                found = [(p, path.name, p.parent.name) for p in path.glob(f"*/{_FILE}")]
            else:
                continue
            for file, model, number in found:
                try:
                    yield file, VersionName.parse(f"models/{model}/versions/{number}")
                except InvalidArgument as error:
                    _log.warning("file passed over", extra={"path": str(file), "why": str(error)})


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
