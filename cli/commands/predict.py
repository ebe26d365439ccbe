"""`algolink predict`."""

from __future__ import annotations

from typing import Any

import click
import numpy as np
from rich.console import Group, RenderableType

from algolink.client import Prediction
from cli import inputs
from cli.pairs import PAIR
from cli.session import Session, common, examples
from cli.views import text


@click.command(
    epilog=examples(
        "algolink predict iris --input '[[5.1, 3.5, 1.4, 0.2]]'",
        "algolink predict iris --input x=@rows.npy --unit user-42",
        "algolink predict iris --input x=@rows.json --version 2 -o json",
    )
)
@click.argument("name")
@click.option(
    "--input",
    "values",
    multiple=True,
    required=True,
    metavar="[NAME=]VALUE",
    help="JSON, or @FILE (.npy, .json); repeatable. A single input needs no name.",
)
@click.option("--unit", help="Whom it is for, a user or a session: decides the arm.")
@click.option("--version", type=click.IntRange(min=1), help="Ask exactly this version.")
@click.option(
    "--attr",
    "attributes",
    type=PAIR,
    multiple=True,
    metavar="NAME=VALUE",
    help="Sent as x-algolink-attr-NAME, for audiences; repeatable.",
)
@click.option("--timeout", default=10.0, show_default=True, help="Seconds.")
@common
def predict(
    session: Session,
    name: str,
    values: tuple[str, ...],
    unit: str | None,
    version: int | None,
    attributes: tuple[tuple[str, str], ...],
    timeout: float,
) -> None:
    """Ask a model for a prediction, as any client of the data plane would."""
    x = inputs.parse(values)
    with session.client() as client:
        prediction = client.predict(
            name, x, unit=unit, version=version, attributes=dict(attributes), timeout_s=timeout
        )
    session.show(_values(prediction), lambda: _table(prediction))


def _values(prediction: Prediction) -> dict[str, Any]:
    return {
        "model": prediction.model,
        "version": prediction.version,
        "arm": prediction.arm,
        "experiment": prediction.experiment,
        "request_id": prediction.request_id,
        "outputs": {name: _plain(array) for name, array in prediction.outputs.items()},
    }


def _plain(array: Any) -> Any:
    """Nested lists; bytes as text, which may lose what is not UTF-8."""
    if array.dtype == np.object_:
        decode = np.vectorize(lambda value: value.decode(errors="replace"), otypes=[object])
        return decode(array).tolist() if array.size else array.tolist()
    return array.tolist()


def _table(prediction: Prediction) -> RenderableType:
    table = text.facts()
    table.add_row("model", f"{prediction.model} version {prediction.version}")
    if prediction.experiment:
        table.add_row("arm", f"{prediction.arm} of {prediction.experiment}")
    table.add_row("request", prediction.request_id or text.NOTHING)
    outputs = [
        f"{name} {list(array.shape)}\n{np.array2string(np.asarray(_plain(array)), threshold=200)}"
        for name, array in prediction.outputs.items()
    ]
    return Group(table, *(f"\n{shown}" for shown in outputs))
