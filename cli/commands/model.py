"""`algolink model`: pushing and looking at models and versions."""

from __future__ import annotations

import json
import math
from datetime import datetime
from pathlib import Path
from typing import TextIO

import click

from algolink.client import Client
from algolink.names import CHAMPION
from algolink.registry.v1 import registry_pb2 as pb
from cli import lineage_file, output, times
from cli.commands import (
    model_archive,
    model_files,
    model_history,
    model_lifecycle,
    model_lineage,
    model_search,
)
from cli.pairs import NUMBER_PAIR, PAIR
from cli.session import Session, common, examples
from cli.views import ledger as ledger_views
from cli.views import models as views

_LONGEST_EXAMPLE = 16
"""Numbers in a value that is still worth showing."""


@click.group()
def model() -> None:
    """Push and look at models and their versions."""


model.epilog = examples("algolink model push iris.onnx --name iris", "algolink model list")


@model.command(
    epilog=examples(
        "algolink model push iris.onnx --name iris",
        "algolink model push iris2.onnx --name iris --description 'more trees'",
        "algolink model push iris2.onnx --name iris --alias champion",
        "algolink model push iris2.onnx --name iris --tag team=fraud --metric auc=0.93",
        "algolink model push churn/ --name churn",
    )
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="The model's id; made by its first push.")
@click.option("--alias", "aliases", multiple=True, help="Point this alias at it; repeatable.")
@click.option("--description", default="", help="In your words.")
@click.option("--tag", "tags", type=PAIR, multiple=True, help="A note; repeatable.")
@click.option(
    "--metric", "metrics", type=NUMBER_PAIR, multiple=True, help="An offline metric; repeatable."
)
@click.option(
    "--lineage",
    type=click.File(encoding="utf-8"),
    help="Where it came from, as YAML; see `algolink model record-lineage --help`.",
)
@click.option("--request-id", help="Pushing again with the same id gives the same version.")
@click.option("--wait/--no-wait", default=True, help="Return once a new champion answers.")
@click.option("--wait-timeout", default=60.0, show_default=True, help="Seconds for that.")
@common
def push(
    session: Session,
    file: Path,
    name: str,
    aliases: tuple[str, ...],
    description: str,
    tags: tuple[tuple[str, str], ...],
    metrics: tuple[tuple[str, float], ...],
    lineage: TextIO | None,
    request_id: str | None,
    wait: bool,
    wait_timeout: float,
) -> None:
    """Upload an ONNX FILE as the next version of a model.

    FILE may be a folder, for a model whose weights lie beside it: it holds
    model.onnx, or one other file *.onnx, at its top. A push that was stopped goes
    on where it was when it is repeated.

    The first version of a model becomes its champion, the one that answers.
    """
    described = lineage_file.parse(lineage.read(), lineage.name) if lineage else None
    with session.client() as client, output.progress_bar() as bar:
        task = bar.add_task("pushing", total=None)
        pushed = client.push(
            file,
            name=name,
            aliases=aliases,
            description=description,
            tags=dict(tags),
            metrics=dict(metrics),
            request_id=request_id,
            wait=wait,
            wait_timeout_s=wait_timeout,
            progress=lambda sent, total: bar.update(
                task,
                completed=sent,
                total=total,
                description="pushing" if sent < total else "checking, loading",
            ),
        )
        if described is not None:
            client.lineage.record(f"{name}/{pushed.number}", described)
        advice = _advice(client, name, pushed) if session.is_for_people else ()
    session.show(pushed, lambda: views.version(pushed))
    for line in advice:
        session.say(line)


@model.command("list", epilog=examples("algolink model list", "algolink model list -o json"))
@common
def list_models(session: Session) -> None:
    """List all models."""
    with session.client() as client:
        found = client.models()
    session.show(found, lambda: views.models(found))


@model.command(epilog=examples("algolink model show iris", "algolink model show iris 2"))
@click.argument("name")
@click.argument("version", type=click.IntRange(min=1), required=False)
@common
def show(session: Session, name: str, version: int | None) -> None:
    """Show a model and where its aliases point, or one VERSION of it."""
    with session.client() as client:
        if version is not None:
            one = client.version(name, version)
            session.show(one, lambda: views.version(one))
            return
        found = client.model(name)
    session.show(found, lambda: views.model(found))


@model.command(epilog=examples("algolink model versions iris"))
@click.argument("name")
@click.option("--deleted", is_flag=True, help="Deleted ones, too.")
@common
def versions(session: Session, name: str, deleted: bool) -> None:
    """List the versions of a model, newest first."""
    with session.client() as client:
        found = client.versions(name, deleted=deleted)
    session.show(found, lambda: views.versions(found))


@model.command(
    epilog=examples(
        "algolink model alias iris champion 2 --reason 'better on the holdout'",
        "algolink model alias iris nightly 3",
        "algolink model alias iris champion --at 2026-03-03T12:00Z",
    )
)
@click.argument("name")
@click.argument("alias")
@click.argument("version", type=click.IntRange(min=1), required=False)
@click.option("--at", "time", type=times.MOMENT, help="Show where it pointed then instead.")
@click.option("--reason", default="", help="Why, in your words.")
@click.option("--etag", default="", help="Only if the model still is as last seen.")
@click.option("--wait/--no-wait", default=True, help="Return once a new champion answers.")
@click.option("--wait-timeout", default=60.0, show_default=True, help="Seconds for that.")
@common
def alias(
    session: Session,
    name: str,
    alias: str,
    version: int | None,
    time: datetime | None,
    reason: str,
    etag: str,
    wait: bool,
    wait_timeout: float,
) -> None:
    """Point an ALIAS of a model at a VERSION, or show where it points or pointed."""
    if version is None:
        with session.client() as client:
            move = client.history.alias_at(name, alias, time)
        session.show(move, lambda: ledger_views.move(move))
        return
    if time is not None:
        raise click.UsageError("give a VERSION to move the alias, or --at to look back, not both")
    with session.client() as client, session.waiting("until the route follows"):
        found = client.set_alias(
            name,
            alias,
            version,
            reason=reason,
            etag=etag,
            wait=wait,
            wait_timeout_s=wait_timeout,
        )
    session.show(found, lambda: views.model(found))


model.add_command(model_history.history)
model.add_command(model_history.rollback)
model.add_command(model_files.pull)
model.add_command(model_search.search)
model.add_command(model_lineage.record_lineage)
for command in (
    model_archive.keygen,
    model_archive.export,
    model_archive.import_,
    model_lifecycle.compare,
    model_lifecycle.annotate,
    model_lifecycle.deprecate,
    model_lifecycle.archive,
    model_lifecycle.delete,
    model_lifecycle.restore,
):
    model.add_command(command)


def _advice(client: Client, name: str, pushed: pb.Version) -> tuple[str, ...]:
    """What to do next with a version."""
    champion = client.model(name).aliases[CHAMPION].version
    if champion == pushed.number:
        return (
            f"\nVersion {pushed.number} is the champion. Ask it:",
            f"  algolink predict {name} {_example_inputs(pushed.signature)}",
        )
    return (
        f"\nVersion {champion} still is the champion. Compare them on live traffic:",
        "  algolink experiment create --help",
        "or just replace it:",
        f"  algolink model alias {name} {CHAMPION} {pushed.number}",
    )


def _example_inputs(signature: pb.Signature) -> str:
    if len(signature.inputs) == 1:
        return f"--input {_example(signature.inputs[0])}"
    return " ".join(f"--input {spec.name}={_example(spec)}" for spec in signature.inputs)


def _example(spec: pb.TensorSpec) -> str:
    """A value of the right shape, or the name of a file where that would be long."""
    shape = [max(size, 1) for size in spec.shape]
    if math.prod(shape) > _LONGEST_EXAMPLE:
        return f"@{spec.name}.npy"
    value: object = {"BYTES": "text", "BOOL": True}.get(spec.datatype, 1)
    for size in reversed(shape):
        value = [value] * size
    return f"'{json.dumps(value)}'"
