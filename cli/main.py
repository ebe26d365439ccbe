"""Entry point: runs a command, and turns what goes wrong into one line and a status."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import click

from cli import failure
from cli.lazy import LazyGroup

_COMMANDS = {
    "up": "cli.commands.up:up",
    "status": "cli.commands.status:status",
    "model": "cli.commands.model:model",
    "lineage": "cli.commands.lineage:lineage",
    "predict": "cli.commands.predict:predict",
    "experiment": "cli.commands.experiment:experiment",
    "metric": "cli.commands.metric:metric",
    "outcome": "cli.commands.outcome:outcome",
    "policy": "cli.commands.policy:policy",
    "route": "cli.commands.route:route",
    "mesh": "cli.commands.mesh:mesh",
    "traffic": "cli.commands.traffic:traffic",
    "audit": "cli.commands.audit:audit",
    "registry": "cli.commands.registry:registry",
    "completion": "cli.commands.completion:completion",
}

_SUMMARIES = {
    "up": "Run the whole stack on this machine.",
    "status": "Show what runs and what is served.",
    "model": "Push and look at models and their versions.",
    "lineage": "Follow where a version, or a dataset, came from and what came from it.",
    "predict": "Ask a model for a prediction.",
    "experiment": "Compare versions on live traffic.",
    "metric": "Define what experiments measure.",
    "outcome": "Record what happened to units.",
    "policy": "Define what is done without being asked.",
    "route": "Show where requests go, and why.",
    "mesh": "Show Envoys; write routes as configuration of Envoy, Istio and the Gateway API.",
    "traffic": "Shift, kill and freeze traffic.",
    "audit": "Check and export who changed what.",
    "registry": "Look after the registry's data.",
    "completion": "Print the shell's completion script.",
}


@click.group(
    cls=LazyGroup,
    targets=_COMMANDS,
    summaries=_SUMMARIES,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\nExamples:\n"
    "  algolink up\n"
    "  algolink model push iris.onnx --name iris\n"
    "  algolink predict iris --input '[[5.1, 3.5, 1.4, 0.2]]' --unit user-42",
)
@click.version_option(package_name="algolink", message="%(package)s %(version)s")
def algolink() -> None:
    """Model serving and experiments on live traffic."""


def main() -> NoReturn:
    """Runs the command line; exit status 0 done, 1 failed, 2 misused, 130 interrupted."""
    # Whatever gRPC would print about a connection is in the error that we print.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    sys.exit(failure.run(algolink))


if __name__ == "__main__":
    main()
