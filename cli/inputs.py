"""`--input` values: JSON on the command line, or a .npy or .json file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from algolink.client.prediction import Inputs
from algolink.errors import InvalidArgument
from algolink.names import shown


def parse(values: Sequence[str]) -> Inputs:
    """Reads all `--input` options of a command.

    Each is `NAME=VALUE`; a single one may leave the name out. A value is JSON,
    or `@FILE` with a file that ends with .npy or .json.

    Raises:
        InvalidArgument: INPUT_INVALID.
        OSError: if a file cannot be read.
    """
    if len(values) == 1 and not _split(values[0])[0]:
        unnamed: Inputs = _value(values[0])
        return unnamed
    inputs: dict[str, Any] = {}
    for text in values:
        name, value = _split(text)
        if not name:
            raise _invalid(f"{shown(text)} names no input: use NAME=VALUE")
        if name in inputs:
            raise _invalid(f"input {shown(name)} is given twice")
        inputs[name] = _value(value)
    return inputs


def _split(text: str) -> tuple[str, str]:
    """Name and value; a value by itself starts like JSON or like a file."""
    if text[:1] in '[{"@-0123456789':
        return "", text
    name, separator, value = text.partition("=")
    return (name, value) if separator else ("", text)


def _value(text: str) -> Any:
    if text.startswith("@"):
        return _file(Path(text[1:]))
    return _json(text, shown(text))


def _file(path: Path) -> Any:
    if path.suffix == ".npy":
        try:
            return np.load(path, allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise _invalid(f"{path} is not a .npy file of numbers: {error}") from error
    if path.suffix == ".json":
        return _json(path.read_text(encoding="utf-8"), str(path))
    raise _invalid(f"{path} is neither a .npy nor a .json file")


def _json(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise _invalid(
            f"{what} is not JSON ({error}): use [[1.0, 2.0]] or @rows.npy, for example"
        ) from error


def _invalid(message: str) -> InvalidArgument:
    return InvalidArgument("INPUT_INVALID", message)
