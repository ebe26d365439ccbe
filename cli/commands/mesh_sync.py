"""`algolink mesh sync`: files that an Envoy follows, kept as the table says."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click

from algolink.errors import AlgoLinkError, FailedPrecondition, Unavailable
from algolink.router.v1 import tables_pb2
from cli import failure
from cli.rendering import following, keeping
from cli.rendering import tables as route_tables
from cli.rendering.sync_metrics import SyncMetrics
from cli.rendering.targets import Render, endpoint, followed_options
from cli.session import Session, common, examples


@click.command(
    epilog=examples(
        "algolink mesh sync --out /etc/envoy",
        "algolink mesh sync --out /etc/envoy --once",
        "algolink mesh sync --out /etc/envoy --metrics 127.0.0.1:9105",
    )
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="The folder."
)
@click.option("--once", is_flag=True, help="Write what is served now, and end.")
@followed_options
@click.option("--metrics", metavar="HOST:PORT", help="Answer Prometheus there.")
@click.option(
    "--settle-s",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="Seconds that an Envoy has to read clusters before routes change.",
)
@click.option("--force", is_flag=True, help="Replace files that somebody edited.")
@click.option(
    "--allow-empty", is_flag=True, help="Follow even a table that has lost models or replicas."
)
@common
def sync(
    session: Session,
    out: Path,
    once: bool,
    render: Render,
    metrics: str | None,
    settle_s: float,
    force: bool,
    allow_empty: bool,
) -> None:
    """Keep files that an Envoy follows as the table says, until it is stopped.

    Each file is replaced at once, clusters before the routes that lead there. While the
    router is away, the files stay. A table that is empty, or has lost replicas, is not
    written: see --allow-empty.
    """
    keeper = _Keeper(
        session,
        out,
        render,
        settle=lambda: time.sleep(settle_s),
        force=force,
        allow_empty=allow_empty,
    )
    with contextlib.ExitStack() as stack:
        if metrics is not None:
            stack.enter_context(keeper.metrics.served(endpoint(metrics, "--metrics")))
        stack.enter_context(keeping.locked(out))
        client = stack.enter_context(session.client())
        if once:
            keeper.take(client.route_table())
            return
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        for told in following.tables(client, on_lost=keeper.lost):
            keeper.follow(told)


class _Keeper:
    """Writes tables to a folder, and tells what became of each."""

    def __init__(
        self,
        session: Session,
        out: Path,
        render: Render,
        *,
        settle: Callable[[], None],
        force: bool,
        allow_empty: bool,
    ) -> None:
        self._session = session
        self._out, self._render, self._settle = out, render, settle
        self._force, self._allow_empty = force, allow_empty
        self._told = ""
        self.metrics = SyncMetrics()

    def take(self, told: tables_pb2.RouteTable) -> None:
        """Writes a table.

        Raises:
            FailedPrecondition: FILE_EDITED; TABLE_LOST_SOMETHING, if it says less than the
                folder and that is not allowed.
        """
        snapshot = route_tables.parse(told.content_json, "the router's table")
        why = keeping.why_not(self._out, snapshot, settling=told.settling)
        if why is not None and not self._allow_empty:
            raise FailedPrecondition(
                "TABLE_LOST_SOMETHING",
                f"{why}: {self._out} stays as it is; if that is meant, say --allow-empty",
                folder=self._out,
            )
        kept = keeping.keep(
            self._out, snapshot, self._render, force=self._force, settle=self._settle
        )
        self.metrics.models.set(kept.models)
        self.metrics.last_success.set_to_current_time()
        if kept.changed:
            self.metrics.writes.inc()
            self.metrics.last_seconds.set(kept.seconds)
        self._tell(
            "written" if kept.changed else "unchanged",
            f"table {kept.revision}, {kept.models} models"
            + (f": {', '.join(kept.changed)} in {kept.seconds:.1f} s" if kept.changed else ""),
            revision=kept.revision,
            models=kept.models,
            changed=list(kept.changed),
            seconds=round(kept.seconds, 3),
        )

    def follow(self, told: tables_pb2.RouteTable) -> None:
        """Writes a table; what hinders it is told, and the next one is waited for."""
        self.metrics.connected.set(1)
        try:
            self.take(told)
            self.metrics.behind.set(0)
        except AlgoLinkError as error:
            self._fail(error.reason, failure.described(error), told.revision)
        except OSError as error:
            self._fail("OS_ERROR", str(error), told.revision)

    def lost(self, error: Unavailable) -> None:
        """The router is away: the files stay."""
        self.metrics.connected.set(0)
        self._tell("lost", failure.described(error), reason=error.reason)

    def _fail(self, reason: str, message: str, revision: str) -> None:
        self.metrics.behind.set(1)
        self.metrics.failures.labels(reason).inc()
        self._tell("kept", message, reason=reason, revision=revision)

    def _tell(self, event: str, line: str, **more: object) -> None:
        """One line per event; the same again is not told twice in a row."""
        if (said := f"{event} {more.get('revision')} {more.get('reason')}") == self._told:
            return
        self._told = said
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        if self._session.is_for_people:
            click.echo(f"{at} {event}: {line}")
        else:
            click.echo(json.dumps({"time": at, "event": event, "message": line, **more}))
