"""Route tables from the running system, or from a file."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from algolink.errors import AlgoLinkError, InvalidArgument
from cli.session import Session
from mesh import table

_FLAT_LIST = re.compile(r"\[\n\s+([^\[\]{}]*?)\n\s+\]")
_BETWEEN = re.compile(r",\n\s+")


def snapshot(session: Session, file: Path | None) -> table.Snapshot:
    """The table that is served now, or the one in `file` ("-" is standard input).

    Raises:
        InvalidArgument: TABLE_FILE_INVALID.
    """
    if file is not None:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        return parse(text, str(file))
    with session.client() as client:
        return parse(client.route_table().content_json, "the router's table")


def parse(text: str, source: str) -> table.Snapshot:
    """A table from its JSON.

    Raises:
        InvalidArgument: TABLE_FILE_INVALID.
    """
    try:
        return table.from_json(json.loads(text))
    except KeyError as error:
        problem = f"key {error.args[0]} is missing"
    except AlgoLinkError as error:
        problem = error.message
    except (AttributeError, TypeError, ValueError) as error:
        problem = str(error)
    raise InvalidArgument(
        "TABLE_FILE_INVALID",
        f"{source} is no route table: {problem} (`algolink route export` writes one)",
        file=source,
    )


def to_text(content_json: str) -> str:
    """A table as a file that people read: a segment a line, in one order."""
    text = json.dumps(json.loads(content_json), indent=2)
    return _FLAT_LIST.sub(lambda found: f"[{', '.join(_BETWEEN.split(found[1]))}]", text) + "\n"
