"""`algolink mesh`: routes as configuration of a mesh that others run."""

from __future__ import annotations

import time
from pathlib import Path

import click

from algolink.errors import FailedPrecondition
from cli import failure
from cli.commands import mesh_sync
from cli.rendering import folder as folders
from cli.rendering import judge, keeping, staging, tables
from cli.rendering.targets import Render, rendering_options
from cli.session import Session, common, examples
from mesh.targets import text
from mesh.targets.rendering import Rendering

_TABLE = click.option(
    "--table",
    "table_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A table of `algolink route export`, - for standard input; without it, the one served.",
)


@click.group()
def mesh() -> None:
    """Write routes as configuration of Envoy, Istio and the Gateway API."""


mesh.epilog = examples(
    "algolink mesh render --target envoy --out envoy/",
    "algolink mesh validate envoy/",
    "algolink mesh diff envoy/ --target envoy",
    "algolink mesh sync --out envoy/",
)
mesh.add_command(mesh_sync.sync)


@mesh.command(
    epilog=examples(
        "algolink mesh render --target envoy > envoy.yaml",
        "algolink mesh render --target envoy --dynamic --out envoy/",
        "algolink mesh render --target istio --domain models.example.org --out istio/",
        "algolink mesh render --target gateway-api --table table.json --strict",
    )
)
@_TABLE
@rendering_options
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder; without it, stdout."
)
@click.option("--strict", is_flag=True, help="Fail if the target does not do all the table says.")
@click.option(
    "--settle-s",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="Seconds that an Envoy has to read clusters before routes change.  (--dynamic)",
)
@click.option("--force", is_flag=True, help="Replace files that somebody edited.")
@common
def render(
    session: Session,
    table_file: Path | None,
    render: Render,
    out: Path | None,
    strict: bool,
    settle_s: float,
    force: bool,
) -> None:
    """Write the configuration of a target.

    What a target cannot do is told on stderr and in the head of the files.
    """
    rendered = render(tables.snapshot(session, table_file))
    _tell(rendered)
    if strict and rendered.limitations:
        raise FailedPrecondition(
            "TARGET_LACKS_FEATURE",
            f"{rendered.target} does not do {len(rendered.limitations)} of the things that the "
            "table says: leave out --strict to render the rest",
            target=rendered.target,
            limitations=len(rendered.limitations),
        )
    files = text.texts(rendered)
    if out is None:
        if len(rendered.files) > 1 and rendered.target == "envoy-files":
            raise click.UsageError("--dynamic needs --out: Envoy follows files")
        click.echo("".join(files.values()), nl=False)
        return
    if rendered.target == "envoy-files":
        with keeping.locked(out):
            staging.write(out, rendered, force=force, settle=lambda: time.sleep(settle_s))
    else:
        folders.write(out, files, force=force)
    if session.is_for_people:
        click.echo(f"{len(files)} files in {out} (table {rendered.revision})", err=True)


@mesh.command(epilog=examples("algolink mesh validate istio/", "algolink mesh validate envoy.yaml"))
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@common
def validate(session: Session, path: Path) -> None:
    """Check rendered files: Envoy's by Envoy itself, others as far as rules go.

    The schemas of Kubernetes objects are the apiserver's to check: ask it with
    `kubectl apply --dry-run=server`.
    """
    kind, problems = judge.judge(path)
    for problem in problems:
        failure.tell(problem)
    if problems:
        raise FailedPrecondition(
            "RENDERING_INVALID",
            f"{path}: {kind}, {len(problems)} of whose statements are wrong",
            path=path,
            problems=len(problems),
        )
    session.say(f"{path}: {kind}, nothing wrong.")


@mesh.command(epilog=examples("algolink mesh diff istio/ --target istio"))
@click.argument("folder_path", metavar="FOLDER", type=click.Path(path_type=Path, file_okay=False))
@_TABLE
@rendering_options
@common
def diff(session: Session, folder_path: Path, table_file: Path | None, render: Render) -> None:
    """Compare a folder with what would be rendered now; exit status 1 if they differ.

    The lines that begin with + are what rendering would write.
    """
    rendered = render(tables.snapshot(session, table_file))
    lines = list(folders.difference(folder_path, text.texts(rendered)))
    for line in lines:
        click.echo(line)
    if lines:
        raise click.exceptions.Exit(failure.FAILED)
    session.say(f"{folder_path} is as {rendered.target} would be rendered now.")


def _tell(rendered: Rendering) -> None:
    for limitation in rendered.limitations:
        click.echo(f"not in {rendered.target}: {limitation}", err=True)
