"""The terminal: what happens, and how the experiment stands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from algolink.errors import Unavailable
from algolink.experiment.v1 import experiment_pb2
from examples.digits.answers import Journal
from examples.digits.checks import Check

_REFRESH_S = 0.5
_REFRESH_IN_A_LOG_S = 5.0


class Screen:
    """Prints steps, a table that stays up to date, and the summary.

    A terminal gets a live table, a log file gets one every few seconds.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._start = time.monotonic()

    def say(self, text: str) -> None:
        """Prints one step with the seconds since the start."""
        self._console.print(f"[dim]{time.monotonic() - self._start:5.1f} s[/dim]  {text}")

    def show(self, results: experiment_pb2.Results, journal: Journal) -> None:
        """Prints how the experiment stands, once."""
        self._console.print(_picture(results, journal))

    @asynccontextmanager
    async def following(
        self, results: Callable[[], Awaitable[experiment_pb2.Results]], journal: Journal
    ) -> AsyncIterator[None]:
        """Shows the results as they come in, for as long as it is entered."""
        terminal = self._console.is_terminal

        async def follow(show: Callable[[RenderableType], None]) -> None:
            while True:
                try:
                    show(_picture(await results(), journal))
                except Unavailable:
                    show(Text("the experiment service is away: traffic goes on"))
                await asyncio.sleep(_REFRESH_S if terminal else _REFRESH_IN_A_LOG_S)

        with Live(console=self._console, auto_refresh=False, transient=True) as live:

            def show(picture: RenderableType) -> None:
                if terminal:
                    live.update(picture, refresh=True)
                else:
                    self._console.print(picture)

            async with asyncio.TaskGroup() as group:
                task = group.create_task(follow(show))
                try:
                    yield
                finally:
                    task.cancel()

    def summarise(self, checks: Iterable[Check]) -> None:
        """Prints every promise, whether it was kept, and the figures."""
        table = Table(title="What held", title_justify="left", show_header=False, box=None)
        for check in checks:
            mark = "[green]yes[/green]" if check.kept else "[bold red]NO[/bold red]"
            table.add_row(mark, f"{check.promise}\n[dim]{check.found}[/dim]")
        self._console.print(table)


def _picture(results: experiment_pb2.Results, journal: Journal) -> RenderableType:
    return Group(_arms(results), _comparison(results, journal))


def _arms(results: experiment_pb2.Results) -> Table:
    table = Table(title=results.experiment, title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("arm", no_wrap=True)
    for heading in ("version", "exposures", "failed", "units", "outcomes", "right", "p50/p99 ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    for arm in results.arms:
        table.add_row(
            arm.arm,
            str(arm.version),
            f"{arm.requests:,}",
            str(arm.failed_requests),
            f"{arm.units:,}",
            f"{arm.outcomes:,}",
            f"{arm.mean:.1%}" if arm.HasField("mean") else "-",
            f"{arm.latency_p50_ms:.1f}/{arm.latency_p99_ms:.1f}"
            if arm.HasField("latency_p50_ms")
            else "-",
        )
    return table


def _comparison(results: experiment_pb2.Results, journal: Journal) -> Text:
    lines = []
    for comparison in results.comparisons:
        if comparison.HasField("effect"):
            lines.append(
                f"{comparison.arm}: {comparison.effect:+.3f} "
                f"[{comparison.lower:+.3f}, {comparison.upper:+.3f}], "
                f"always-valid p = {comparison.p_value:.2g}"
            )
        else:
            lines.append(f"{comparison.arm}: {comparison.undefined_reason}")
    ratio = results.sample_ratio
    srm = f"p = {ratio.p_value:.2g}" if ratio.HasField("p_value") else "no units yet"
    lines.append(f"sample ratio: {'MISMATCH, ' if ratio.mismatch else ''}{srm}")
    lines.append(f"client: {len(journal.answers):,} requests, {journal.failed} failed")
    return Text("\n".join(lines))
