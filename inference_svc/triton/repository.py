"""Triton's model repository: a folder per model, a folder per version, one file for both."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from algolink import files
from algolink.errors import InvalidArgument
from algolink.names import VersionName, check_digest
from inference_svc.domain.holding import WantedVersion
from inference_svc.engines import LoadError
from inference_svc.triton import model_files
from inference_svc.triton.model_files import Runs

_log = logging.getLogger(__name__)

_MODELS: Final = "models"
_STAGING: Final = "staging"


class ModelRepository:
    """The folder that one Triton server reads, written by its agent alone.

    A version's folder gets its name only when it is whole. Which of them are served
    is what `config.pbtxt` says, so that one can come or go beside the others.

    Attributes:
        folder: what Triton is given.
    """

    def __init__(self, folder: Path, runs: Runs, *, runs_onnx_itself: bool) -> None:
        """Keeps everything below `folder`, which is absolute."""
        self.folder = folder / _MODELS
        self._staging = folder / _STAGING
        self._runs = runs
        self._runs_onnx_itself = runs_onnx_itself

    def open(self) -> None:
        """Makes the folders, and removes what a crash left half done.

        Raises:
            OSError: if they cannot be written.
        """
        shutil.rmtree(self._staging, ignore_errors=True)
        self._staging.mkdir(parents=True)
        self.folder.mkdir(exist_ok=True)

    def versions(self) -> list[WantedVersion]:
        """All versions that are here, whether they are served or not, sorted."""
        found = []
        for path in self.folder.glob(f"*/*/{model_files.VERSION}"):
            try:
                told = json.loads(path.read_bytes())
                model, number = path.parent.parent.name, path.parent.name
                name = VersionName.parse(f"models/{model}/versions/{number}")
                digest = check_digest(told["digest"])
                found.append(WantedVersion(name, digest, int(told["size_bytes"])))
            except (OSError, ValueError, TypeError, KeyError, InvalidArgument) as error:
                _log.warning("version unreadable", extra={"path": str(path), "error": str(error)})
        return sorted(found)

    def has(self, name: VersionName, contents: Mapping[str, bytes]) -> bool:
        """Whether a version is here with exactly these files, and its artifact."""
        folder = self._folder(name)
        try:
            return (folder / model_files.ARTIFACT).is_file() and all(
                (folder / file).read_bytes() == content for file, content in contents.items()
            )
        except OSError:
            return False

    def put(self, version: WantedVersion, contents: Mapping[str, bytes], artifact: Path) -> None:
        """Puts a version here, in place of one of its name.

        Args:
            contents: its files by name, but for the artifact.
            artifact: is linked where the file system can, and copied where it cannot;
                with what lies beside it if it is part of a folder.

        Raises:
            LoadError: if a file of the folder has a name that Triton's files have.
            OSError: if it cannot be written.
        """
        name = version.name
        staged, folder = self._staging / f"{name.model}-{name.number}", self._folder(name)
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir()
        for file, content in contents.items():
            (staged / file).write_bytes(content)
        _link(artifact, staged / model_files.ARTIFACT)
        if artifact.name != version.digest:
            _link_companions(artifact, staged)
        self.remove(name)
        folder.parent.mkdir(exist_ok=True)
        staged.rename(folder)

    def serve(self, model: str, versions: Collection[int]) -> None:
        """Says which of the model's versions are to be served: at least one.

        Raises:
            OSError: if it cannot be written.
        """
        text = model_files.config(
            model, versions, runs=self._runs, runs_onnx_itself=self._runs_onnx_itself
        )
        files.replace(self.folder / model / model_files.CONFIG, text.encode(), mode=0o644)

    def remove(self, name: VersionName) -> None:
        """Takes a version away, and its model's folder with the last one.

        Raises:
            OSError: if it cannot be removed.
        """
        folder = self._folder(name)
        if folder.exists():
            # In one step: a folder that is half gone would still be a version.
            leaving = self._staging / f"leaving-{name.model}-{name.number}"
            shutil.rmtree(leaving, ignore_errors=True)
            folder.rename(leaving)
            shutil.rmtree(leaving)
        if folder.parent.exists() and not any(each.is_dir() for each in folder.parent.iterdir()):
            shutil.rmtree(folder.parent)

    def _folder(self, name: VersionName) -> Path:
        return self.folder / name.model / str(name.number)


def _link(file: Path, target: Path) -> None:
    try:
        os.link(file, target)
    except OSError:
        shutil.copyfile(file, target)


def _link_companions(artifact: Path, staged: Path) -> None:
    """Links what lies beside the model of a folder, and below, as the model names it."""
    for file in sorted(artifact.parent.rglob("*")):
        if file == artifact or not file.is_file():
            continue
        target = staged / file.relative_to(artifact.parent)
        if target.exists():
            raise LoadError(f"its folder has a file {target.name}, which is a name of Triton's")
        target.parent.mkdir(parents=True, exist_ok=True)
        _link(file, target)
