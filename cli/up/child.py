"""One child process: starting it, knowing when it serves, ending it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping

from algolink.errors import AlgoLinkError
from cli.up import health, logs
from cli.up.children import ChildSpec


class ChildFailed(AlgoLinkError):
    """A process of the stack could not start; starting it again would not help."""

    code = "FAILED_PRECONDITION"


class Child:
    """A process that is started again each time `start` is called."""

    def __init__(self, spec: ChildSpec, environment: Mapping[str, str]) -> None:
        self.spec = spec
        self.restarts = 0
        self._environment = {**environment, **spec.environment}
        self._process: asyncio.subprocess.Process | None = None
        self._log_start = 0

    @property
    def pid(self) -> int | None:
        """Pid of the running process; None if it does not run."""
        if self._process is None or self._process.returncode is not None:
            return None
        return self._process.pid

    async def start(self) -> None:
        """Starts the process, in a process group of its own.

        So Ctrl-C in a terminal reaches `up` alone, which stops them in order.
        """
        log = logs.open_log(self.spec.log_file)
        try:
            self._log_start = os.fstat(log).st_size
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # a folder named like a package of ours, where we were started, is not it
                "-m",
                self.spec.module,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        finally:
            os.close(log)

    async def exited(self) -> int:
        """Waits for the end of the process; its exit status, negative for a signal."""
        if self._process is None:
            raise RuntimeError(f"{self.spec.name} was never started")
        return await self._process.wait()

    async def serves(self) -> bool:
        """Waits until it serves; False if it ended before."""
        serving = asyncio.create_task(health.serving(self.spec.health_address))
        exited = asyncio.create_task(self.exited())
        try:
            await asyncio.wait({serving, exited}, return_when=asyncio.FIRST_COMPLETED)
            return not exited.done()
        finally:
            for task in (serving, exited):
                task.cancel()
            await asyncio.gather(serving, exited, return_exceptions=True)

    def failure(self, status: int) -> ChildFailed:
        """Why it could not start, in its own words."""
        words = logs.last_words(self.spec.log_file, self._log_start)
        return ChildFailed(
            "CHILD_FAILED",
            f"{self.spec.name} did not start: {words or describe(status)} "
            f"(log: {self.spec.log_file})",
            child=self.spec.name,
            status=status,
        )

    async def stop(self, grace_s: float) -> bool:
        """Ends the process; True if it ended by itself within `grace_s`."""
        if self._process is None or self._process.returncode is not None:
            return True
        self._process.terminate()
        try:
            async with asyncio.timeout(grace_s):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()
            return False
        return True

    def kill(self) -> None:
        """Ends the process at once."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()


def describe(status: int) -> str:
    """An exit status in words.

    >>> describe(-9), describe(1)
    ('killed by SIGKILL', 'exit status 1')
    """
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"exit status {status}"
