"""`algolink up`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click

from algolink.client.connection import default_data_dir
from algolink.errors import FailedPrecondition
from cli.output import FORMATS, stderr_console, stdout_console
from cli.up import report, stack
from cli.up.layout import DataFolder

_PORT = click.IntRange(0, 65535)


@click.command(
    epilog="\b\nExamples:\n"
    "  algolink up\n"
    "  algolink up --replicas 4 --port 8000 --admin-port 8001\n"
    "  algolink up --engine triton\n"
    "  algolink up --ephemeral --port 0 --admin-port 0 -o json",
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where everything is kept.  [env: ALGOLINK_DATA_DIR; default: ~/.local/share/algolink]",
)
@click.option(
    "--replicas",
    type=click.IntRange(1, 64),
    default=2,
    show_default=True,
    help="Inference replicas.",
)
@click.option(
    "--port",
    type=_PORT,
    default=9000,
    show_default=True,
    help="Port for predictions; 0 picks a free one.",
)
@click.option(
    "--admin-port",
    type=_PORT,
    default=9001,
    show_default=True,
    help="Port for administration; 0 picks a free one.",
)
@click.option(
    "--engine",
    type=click.Choice(["onnx", "triton"]),
    default="onnx",
    show_default=True,
    help="What runs models: each replica itself, or a Triton server beside it.  "
    "[env: ALGOLINK_TRITON_ENVIRONMENT says where Triton is; default: .venv-triton beside "
    "this environment]",
)
@click.option("--ephemeral", is_flag=True, help="Keep nothing: a temporary data folder.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="When everything is ready; json is one line.",
)
def up(
    data_dir: Path | None,
    replicas: int,
    port: int,
    admin_port: int,
    engine: str,
    ephemeral: bool,
    output: str,
) -> None:
    """Run the whole stack on this machine until Ctrl-C.

    Registry, experiments, router, inference replicas and Envoy run as child
    processes on loopback. One that dies is started again. Their logs are in the
    data folder, below logs/.
    """
    began = time.monotonic()
    if ephemeral and data_dir is not None:
        raise click.UsageError("--ephemeral keeps nothing: leave --data-dir out")
    if port and port == admin_port:
        raise click.UsageError("--port and --admin-port must differ")
    notes = stderr_console()

    def on_ready(state: report.Ready) -> None:
        if output == "json":
            click.echo(report.as_json_line(state))
        elif output == "yaml":
            click.echo(report.as_yaml(state), nl=False)
        else:
            is_default = state.data_dir == str(default_data_dir(os.environ).absolute())
            report.show(stdout_console(), state, is_default_folder=is_default)

    with _folder(data_dir, ephemeral) as root, contextlib.suppress(KeyboardInterrupt):
        asyncio.run(
            stack.run(
                DataFolder(root),
                stack.Options(
                    replicas=replicas,
                    data_port=port,
                    admin_port=admin_port,
                    triton=_triton_environment() if engine == "triton" else None,
                ),
                began=began,
                on_ready=on_ready,
                note=lambda line: notes.print(line, soft_wrap=True),
            )
        )


def _triton_environment() -> Path:
    """Where Triton is.

    Raises:
        FailedPrecondition: TRITON_MISSING.
    """
    beside = Path(sys.prefix).absolute().parent / ".venv-triton"
    where = Path(os.environ.get("ALGOLINK_TRITON_ENVIRONMENT") or beside).absolute()
    if not any((where / "bin" / program).exists() for program in ("python", "tritonserver")):
        raise FailedPrecondition(
            "TRITON_MISSING",
            f"no Triton server in {where}: run `make triton` in a checkout of AlgoLink, or set "
            "ALGOLINK_TRITON_ENVIRONMENT to an environment with nvidia-pytriton, or to the "
            "folder of a server",
            environment=where,
        )
    return where


@contextlib.contextmanager
def _folder(data_dir: Path | None, ephemeral: bool) -> Iterator[Path]:
    if ephemeral:
        temporary = Path(tempfile.mkdtemp(prefix="algolink-"))
        yield temporary
        # A failure stays: its message names a log in there.
        shutil.rmtree(temporary)
    else:
        yield (data_dir.expanduser() if data_dir else default_data_dir(os.environ)).absolute()
