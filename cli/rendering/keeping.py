"""A folder that is kept as the table says, and never emptied by mistake."""

from __future__ import annotations

import contextlib
import fcntl
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from algolink.errors import FailedPrecondition
from cli.rendering import folder as folders
from cli.rendering import staging
from cli.rendering.targets import Render
from mesh import names, table
from mesh.targets import envoy

_LOCK = ".algolink-mesh.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What became of a folder.

    Attributes:
        revision: of the table that it holds now.
        models: number of models that are routed there.
        changed: files that were written or removed, sorted.
        seconds: that it took.
    """

    revision: str
    models: int
    changed: tuple[str, ...]
    seconds: float


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds a folder, which is made if it is missing, against another writer.

    Raises:
        FailedPrecondition: FOLDER_IN_USE.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FailedPrecondition(
                "FOLDER_IN_USE",
                f"{folder} is written by another `algolink mesh sync` or `render`: end that, or "
                "choose another folder",
                folder=folder,
            ) from error
        yield


def keep(
    folder: Path,
    snapshot: table.Snapshot,
    render: Render,
    *,
    force: bool,
    settle: Callable[[], None],
) -> Kept:
    """Makes `folder` hold what is rendered of `snapshot`, for an Envoy that follows it.

    Raises:
        FailedPrecondition: FILE_EDITED, before anything is written.
    """
    began, before = time.monotonic(), folders.read(folder)
    staging.write(folder, render(snapshot), force=force, settle=settle)
    after = folders.read(folder)
    return Kept(
        revision=snapshot.revision,
        models=len(snapshot.routes),
        changed=tuple(
            path
            for path in sorted(before.keys() | after.keys())
            if before.get(path) != after.get(path)
        ),
        seconds=time.monotonic() - began,
    )


def why_not(folder: Path, snapshot: table.Snapshot, *, settling: bool) -> str | None:
    """Why a table had better not replace what `folder` holds; None if it may.

    A router that lost its database, or has not heard of everybody since its start,
    has less to say than the folder does.
    """
    routed = _models(folder)
    if not routed:
        return None
    if not snapshot.routes:
        return f"the table has no models, and {folder} has {len(routed)}"
    missing = sorted(routed - snapshot.routes.keys())
    if missing and settling:
        return f"the router has just started, and has not heard of {', '.join(missing)} yet"
    for name in sorted({route.pool for route in snapshot.routes.values()}):
        pool = snapshot.pools[name]
        if not pool.grpc and not pool.http:
            return f"no replica of pool {name} is there"
    return None


_SCOPE = re.compile(
    r"^- '@type': \S+\.ScopedRouteConfiguration\n  name: '?([^'\n]+)'?$", re.MULTILINE
)
"""A scope as we write it; to read all of a large file as YAML takes seconds."""


def _models(folder: Path) -> set[str]:
    """Ids of models that a folder routes; none where it is not what we write."""
    file = folder / envoy.SCOPES
    if not file.is_file():
        return set()
    return set(_SCOPE.findall(file.read_text(encoding="utf-8"))) - {names.SERVER_SCOPE}
