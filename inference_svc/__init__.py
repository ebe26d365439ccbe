"""The service that loads, warms and runs versions of models."""

from __future__ import annotations

from typing import Final

SERVER_NAME: Final = "algolink"
SERVER_VERSION: Final = "0.1.0"

SERVED_HEADER: Final = "x-al-served"
"""On every answer: number of the version that ran."""
