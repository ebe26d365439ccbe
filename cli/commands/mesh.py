"""`algolink mesh`: routes as configuration of a mesh that others run."""

from __future__ import annotations

import time
from pathlib import Path

import click

from algolink.errors import FailedPrecondition
from cli import failure
from cli.commands import mesh_diff, mesh_fleet, mesh_sync
from cli.rendering import folder as folders
from cli.rendering import judge, keeping, staging, tables
from cli.rendering.targets import Render, rendering_options, table_option
from cli.session import Session, common, examples
from mesh.targets import text
from mesh.targets.rendering import Rendering


@click.group()
def mesh() -> None:
    """Show Envoys; write routes as configuration of Envoy, Istio and the Gateway API."""


mesh.epilog = examples(
    "algolink mesh render --target envoy --out envoy/",
    "algolink mesh validate envoy/",
    "algolink mesh diff envoy/ --target envoy",
    "algolink mesh diff --envoy 127.0.0.1:9901",
    "algolink mesh sync --out envoy/",
    "algolink mesh status",
)


@mesh.command(
    epilog=examples(
        "algolink mesh render --target envoy > envoy.yaml",
        "algolink mesh render --target envoy --dynamic --out envoy/",
        "algolink mesh render --target istio --domain models.example.org --out istio/",
        "algolink mesh render --target gateway-api --table table.json --strict",
    )
)
@table_option
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
    for edited in judge.edited(path):
        click.echo(f"note: {edited} was edited after it was rendered", err=True)
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


mesh.add_command(mesh_diff.diff)
mesh.add_command(mesh_fleet.status)
mesh.add_command(mesh_fleet.remove_envoy)
mesh.add_command(mesh_sync.sync)


def _tell(rendered: Rendering) -> None:
    for limitation in rendered.limitations:
        click.echo(f"not in {rendered.target}: {limitation}", err=True)
