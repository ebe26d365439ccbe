"""`algolink mesh diff`: what a folder, or a running Envoy, has that the table does not say."""

from __future__ import annotations

import functools
from pathlib import Path

import click

from algolink.errors import AlgoLinkError, InvalidArgument
from cli import failure
from cli.rendering import comparison, envoy_admin, judge, tables
from cli.rendering import folder as folders
from cli.rendering.targets import Render, rendering_options, table_option
from cli.session import Session, common, examples
from mesh import table
from mesh.targets import text
from mesh.targets.difference import Change, changes
from mesh.targets.envoy import live

SAME, DIFFERENT, IN_TROUBLE = 0, 1, 2


@click.command(
    epilog=examples(
        "algolink mesh diff istio/ --target istio",
        "algolink mesh diff --envoy 127.0.0.1:9901",
        "algolink mesh diff --envoy /var/run/envoy/admin.sock --table table.json",
    )
)
@click.argument(
    "folder_path",
    metavar="[FOLDER]",
    required=False,
    type=click.Path(path_type=Path, file_okay=False),
)
@click.option(
    "--envoy",
    "envoy_source",
    metavar="ADDRESS",
    help="Compare a running Envoy: HOST:PORT or socket of its admin interface, or a file with "
    "its answer to /config_dump?include_eds.",
)
@table_option
@functools.partial(rendering_options, needs_target=False)
@common
def diff(
    session: Session,
    folder_path: Path | None,
    envoy_source: str | None,
    table_file: Path | None,
    render: Render | None,
) -> None:
    """Compare a folder, or a running Envoy, with what would be rendered now.

    Compares objects and resources, not lines: files may be arranged otherwise. The lines
    that begin with + are what rendering would write. Exit status 0: the same, 1: they
    differ, 2: could not be told.
    """
    if (folder_path is None) == (envoy_source is None):
        raise click.UsageError("compare a FOLDER, or a running Envoy by --envoy ADDRESS")
    if folder_path is not None and render is None:
        raise click.UsageError("say what the folder is for by --target")
    if envoy_source is not None and render is not None:
        raise click.UsageError("--target is for a FOLDER: an Envoy runs what the table says")
    edited: list[str] = []
    try:
        snapshot = tables.snapshot(session, table_file)
        if folder_path is not None and render is not None:
            found = _in_folder(folder_path, render, snapshot)
            edited = judge.edited(folder_path) if folder_path.exists() else []
        else:
            found = _in_envoy(str(envoy_source), snapshot)
    except AlgoLinkError as error:
        failure.tell(failure.described(error))
        raise click.exceptions.Exit(IN_TROUBLE) from error
    except OSError as error:
        failure.tell(str(error))
        raise click.exceptions.Exit(IN_TROUBLE) from error
    _show(session, found, edited, str(folder_path or envoy_source))
    if found:
        raise click.exceptions.Exit(DIFFERENT)


def _in_folder(folder: Path, render: Render, snapshot: table.Snapshot) -> list[Change]:
    before, after = folders.read(folder), text.texts(render(snapshot))
    return list(changes(comparison.things(before), comparison.things(after), str(folder)))


def _in_envoy(source: str, snapshot: table.Snapshot) -> list[Change]:
    dump = envoy_admin.config_dump(source)
    try:
        running = live.of_dump(dump)
    except ValueError as error:
        raise InvalidArgument(
            "CONFIG_DUMP_UNREADABLE", f"{source}: {error}", source=source
        ) from error
    return list(changes(running, live.of_table(snapshot), source))


def _show(session: Session, found: list[Change], edited: list[str], where: str) -> None:
    if not session.is_for_people:
        told = {
            "same": not found,
            "edited": edited,
            "changes": [change.to_json() for change in found],
        }
        session.show(told, lambda: "")
        return
    for name in edited:
        click.echo(f"note: {where}/{name} was edited after it was rendered", err=True)
    for change in found:
        click.echo(f"{change.change} {change.kind} {change.name}")
        for line in change.diff:
            click.echo(line)
    if not found:
        session.say(f"{where} is as the table says.")
