"""Runs a command as nobody's child: `python apart.py COMMAND...` prints its pid.

For programs that ask the kernel to end them with the process that started them.
The command begins only once this process has ended. Its output goes to stderr.
"""

from __future__ import annotations

import os
import sys
import time

_POLL_S = 0.001


def main() -> None:
    """Forks, and lets the child wait for the end of its parent."""
    starter = os.getpid()
    child = os.fork()
    if child:
        sys.stdout.write(str(child))
        return
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    while os.getppid() == starter:
        time.sleep(_POLL_S)
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606 - the caller's command


if __name__ == "__main__":
    main()
