"""What `up` tells: a line per event, and where everything is once it is ready."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.up.child import Child
from cli.up.layout import DataFolder
from cli.up.ports import LOOPBACK


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What runs, for people and for programs.

    Attributes:
        ready_s: seconds from the command to this moment.
        pid: of `up`.
        data_dir: the data folder.
        data_endpoint: where predictions go.
        admin_endpoint: where administration goes.
        children: pid of each process by name.
        metrics: Prometheus URL of each process by name.
    """

    ready_s: float
    pid: int
    data_dir: str
    data_endpoint: str
    admin_endpoint: str
    children: Mapping[str, int]
    metrics: Mapping[str, str]


def ready(
    children: Sequence[Child],
    folder: DataFolder,
    ports: Mapping[str, int],
    *,
    data_endpoint: str,
    admin_endpoint: str,
    pid: int,
    ready_s: float,
) -> Ready:
    """What there is to tell about a stack that serves."""
    return Ready(
        ready_s=round(ready_s, 2),
        pid=pid,
        data_dir=str(folder.root),
        data_endpoint=data_endpoint,
        admin_endpoint=admin_endpoint,
        children={child.spec.name: child.pid or 0 for child in children},
        metrics={
            child.spec.name: f"http://{LOOPBACK}:{ports[f'{child.spec.name}-metrics']}/metrics"
            for child in children
        },
    )


def as_json_line(state: Ready) -> str:
    """One line, keys as in `Ready`."""
    return json.dumps(asdict(state))


def as_yaml(state: Ready) -> str:
    """A document, keys as in `Ready`."""
    return yaml.safe_dump(asdict(state), sort_keys=False)


def show(console: Console, state: Ready, *, is_default_folder: bool) -> None:
    """Prints a table of endpoints and what to try next."""
    console.print(Text("ready", style="bold green"), f"in {state.ready_s:.1f} s")
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    table.add_row("predictions", f"{state.data_endpoint} (Open Inference Protocol, gRPC and REST)")
    table.add_row("administration", state.admin_endpoint)
    table.add_row("data folder", state.data_dir)
    for name, url in state.metrics.items():
        table.add_row(f"{name} metrics", url)
    console.print(table)
    console.print("\nTry, in another terminal:")
    # A folder that is not the default is named once, for all that follows.
    if not is_default_folder:
        console.print(f"  export ALGOLINK_DATA_DIR={state.data_dir}", soft_wrap=True)
    console.print("  algolink model push iris.onnx --name iris", soft_wrap=True)
    console.print(
        "  algolink predict iris --input '[[5.1, 3.5, 1.4, 0.2]]' --unit user-42",
        soft_wrap=True,
    )
    console.print("  algolink status\n", soft_wrap=True)
    console.print("Ctrl-C stops it and loses no request.")
