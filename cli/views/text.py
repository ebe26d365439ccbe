"""Words and numbers in tables."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp
from rich.table import Table

NOTHING = "-"


def grid(*columns: str) -> Table:
    """A table with headings and no lines."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def facts() -> Table:
    """A table of names and values."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    return table


def moment(time: Timestamp) -> str:
    """A time in UTC, to the second.

    >>> moment(Timestamp(seconds=0)), moment(Timestamp(seconds=1))
    ('-', '1970-01-01 00:00:01Z')
    """
    if not time.seconds:
        return NOTHING
    return time.ToDatetime().strftime("%Y-%m-%d %H:%M:%SZ")


def size(size_bytes: int) -> str:
    """A size in bytes, kB or MB.

    >>> size(999), size(1_500), size(2_000_000)
    ('999 B', '1.5 kB', '2.0 MB')
    """
    if size_bytes < 1_000:
        return f"{size_bytes} B"
    if size_bytes < 1_000_000:
        return f"{size_bytes / 1_000:.1f} kB"
    return f"{size_bytes / 1_000_000:.1f} MB"


def enum_word(name: str, prefix: str) -> str:
    """An enum value's name as a word.

    >>> enum_word("STATE_RUNNING", "STATE_")
    'running'
    """
    return name.removeprefix(prefix).lower().replace("_", " ")
