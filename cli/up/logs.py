"""Log files of the children: kept small, and read where one could not start."""

from __future__ import annotations

import os
from pathlib import Path

ROTATE_BYTES = 16 * 1024 * 1024
_TAIL_BYTES = 4096


def open_log(path: Path) -> int:
    """Opens a log file for appending; a file descriptor that the caller closes.

    A file that has grown large is put aside as `<name>.1` first.
    """
    if path.exists() and path.stat().st_size > ROTATE_BYTES:
        path.replace(path.with_name(path.name + ".1"))
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def last_words(path: Path, since: int) -> str:
    """The last line that was written after byte `since`; "" if there is none.

    A service that cannot start says why in its last line.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(since, size - _TAIL_BYTES))
        lines = file.read().decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
