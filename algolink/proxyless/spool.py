"""Exposures of this process on disk, until they are acknowledged.

A line is written before the prediction that it is about is handed to its caller,
so it survives the death of the process. It is forced to the disk within half a
second, so that is what a machine that loses its power may lose.

Each process has a folder of its own below a root that processes share; one that
nobody holds any more is taken over, with what was left in it.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from algolink import files
from algolink.errors import FailedPrecondition
from algolink.spool.log_files import LogFiles

LOG_NAME = "exposure.log"
_MAX_FOLDERS = 10_000


class Folder:
    """One process's part of the spool; locked until it is closed or the process ends."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock
        self.log = LogFiles(path / LOG_NAME)

    @classmethod
    def claim(cls, root: Path) -> Self:
        """The first folder below `root` that nobody holds; made if there is none.

        Raises:
            FailedPrecondition: SPOOL_NOT_WRITABLE.
        """
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for number in range(_MAX_FOLDERS):
                folder = cls._try(root / f"{number:04d}")
                if folder is not None:
                    return folder
        except OSError as error:
            raise FailedPrecondition(
                "SPOOL_NOT_WRITABLE",
                f"exposures cannot be kept in {root}: {error.strerror}",
                path=root,
            ) from error
        raise FailedPrecondition(
            "SPOOL_NOT_WRITABLE", f"all {_MAX_FOLDERS} folders of {root} are held", path=root
        )

    @classmethod
    def left_behind(cls, root: Path) -> Iterator[Self]:
        """Folders below `root` that nobody holds and that are not empty."""
        for path in sorted(root.glob("[0-9]" * 4)):
            if any(path.glob(f"{LOG_NAME}*")) and (folder := cls._try(path)) is not None:
                yield folder

    @classmethod
    def _try(cls, path: Path) -> Self | None:
        path.mkdir(mode=0o700, exist_ok=True)
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        folder = cls(path, lock)
        folder.log.close_torn_line()
        return folder

    def close(self) -> None:
        """Gives the folder free."""
        os.close(self._lock)

    def size_bytes(self) -> int:
        """Of all that waits in it."""
        found = 0
        for path in self.path.glob(f"{LOG_NAME}*"):
            try:
                found += path.stat().st_size
            except FileNotFoundError:  # acknowledged, and deleted, just now
                continue
        return found


class Spool:
    """Appends lines to a folder's log, and never more than fit.

    Attributes:
        dropped: exposures that found no room, by the id of their experiment.
    """

    def __init__(self, folder: Folder, *, max_bytes: int) -> None:
        self.dropped: Counter[str] = Counter()
        self._folder = folder
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._file = self._open()
        self._size = folder.size_bytes()
        self._synced = True

    def append(self, line: bytes, *, experiment: str) -> bool:
        """Writes a line; False if there is no room for it, which is counted.

        Args:
            experiment: that loses the exposure then; may be empty.
        """
        with self._lock:
            if self._size + len(line) > self._max_bytes or not self._write(line):
                self.dropped[experiment] += 1
                return False
            self._size += len(line)
            self._synced = False
            return True

    def sync(self) -> None:
        """Forces what was written to the disk, and takes note of what was shipped."""
        with self._lock:
            # A descriptor of its own, so that nobody waits for the disk to append.
            waiting = None if self._synced else os.dup(self._file)
            self._synced = True
            self._size = self._folder.size_bytes()
        if waiting is not None:
            try:
                os.fsync(waiting)
            finally:
                os.close(waiting)

    async def reopen(self) -> None:
        """Goes on in a new file, after the present one was renamed."""
        with self._lock:
            os.fsync(self._file)
            os.close(self._file)
            self._file = self._open()

    def close(self) -> None:
        """Forces all to the disk; what is appended afterwards is dropped."""
        with self._lock:
            # The descriptor's number will be another file's.
            closing, self._file = self._file, -1
            os.fsync(closing)
            os.close(closing)

    def _write(self, line: bytes) -> bool:
        try:
            written = os.write(self._file, line)
        except OSError:
            return False
        if written < len(line):
            # A part of a line is none; the next one begins where it began.
            os.ftruncate(self._file, os.fstat(self._file).st_size - written)
            return False
        return True

    def _open(self) -> int:
        path = self._folder.path / LOG_NAME
        is_new = not path.exists()
        opened = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        if is_new:
            files.sync_folder(path.parent)
        return opened
