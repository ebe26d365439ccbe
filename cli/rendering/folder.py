"""A folder of rendered files: read, written whole, compared."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from algolink.errors import FailedPrecondition
from mesh.targets import text

_SUFFIX = ".yaml"


def read(folder: Path) -> dict[str, str]:
    """Text of every YAML file below `folder`, by relative path, sorted."""
    if not folder.exists():
        return {}
    files = sorted(path for path in folder.rglob(f"*{_SUFFIX}") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in files}


def write(folder: Path, files: Mapping[str, str], *, force: bool) -> None:
    """Makes `folder` hold `files`, each replaced at once, in their order.

    A file that was rendered before and is in `files` no more is removed, last.
    A file that did not change is not touched.

    Raises:
        FailedPrecondition: FILE_EDITED, before anything is written, if a file to
            be replaced is not as it was rendered; not with `force`.
    """
    check_unedited(folder, files, force=force)
    put(folder, files)
    prune(folder, files)


def check_unedited(folder: Path, files: Mapping[str, str], *, force: bool) -> None:
    """Refuses to replace what somebody has edited.

    Raises:
        FailedPrecondition: FILE_EDITED; not with `force`.
    """
    present = read(folder)
    edited = [path for path in files if path in present and not text.is_ours(present[path])]
    if edited and not force:
        raise FailedPrecondition(
            "FILE_EDITED",
            f"{folder}: {', '.join(edited)} is not as it was rendered: look with "
            "`algolink mesh diff`, then render with --force",
            folder=folder,
            files=", ".join(edited),
        )


def put(folder: Path, files: Mapping[str, str]) -> None:
    """Writes those of `files` that are not in `folder` yet, in their order."""
    present = read(folder)
    for path, content in files.items():
        if present.get(path) != content:
            write_whole(folder / path, content)


def prune(folder: Path, files: Mapping[str, str]) -> None:
    """Removes what was rendered before and is in `files` no more."""
    for path, content in read(folder).items():
        if path not in files and text.is_ours(content):
            (folder / path).unlink()


def write_whole(path: Path, content: str) -> None:
    """Replaces a file: whoever follows the file sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        written.write_text(content, encoding="utf-8")
        written.replace(path)
    finally:
        written.unlink(missing_ok=True)
