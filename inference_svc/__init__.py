"""The service that loads, warms and runs versions of models."""

from __future__ import annotations

from typing import Final

SERVER_NAME: Final = "algolink"
SERVER_VERSION: Final = "0.1.0"

EXTENSIONS: Final = (
    "binary_tensor_data",
    "classification",
    "logging",
    "model_configuration",
    "model_repository",
    "parameters",
    "statistics",
    "system_shared_memory",
    "trace",
)
"""What is offered beyond the protocol's core, by Triton's names."""

SERVED_HEADER: Final = "x-al-served"
"""On every answer: number of the version that ran."""
