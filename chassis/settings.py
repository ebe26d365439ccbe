"""What every service reads from its environment, once, before anything else."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class ServiceSettings(BaseSettings):
    """Settings that all services have; each service adds its own in a subclass.

    Read from variables `ALGOLINK_<FIELD>`; a variable that is empty counts as
    not set.

    Attributes:
        listen: `host:port` of the gRPC server; port 0 picks a free one.
        metrics_listen: `host:port` of the Prometheus endpoint; port 0 picks a
            free one.
        tokens_file: accepted tokens, one `name role sha256` per line.
        token_file: holds the token that this process presents to others.
        otlp_endpoint: base URL of an OTLP/HTTP collector; empty sends no traces.
        trace_sample_ratio: share of new traces that are recorded, 0 to 1.
        drain_notice_s: how long a draining service answers NOT_SERVING before it
            refuses calls, in seconds.
        drain_grace_s: how long running calls may take after that, in seconds.
        parent_pid: process to die with; 0 for none.
    """

    model_config = SettingsConfigDict(
        env_prefix="ALGOLINK_", env_ignore_empty=True, frozen=True, extra="ignore"
    )

    listen: str = "127.0.0.1:0"
    metrics_listen: str = "127.0.0.1:0"
    tokens_file: Path | None = None
    token_file: Path | None = None
    otlp_endpoint: str = ""
    trace_sample_ratio: float = Field(default=1.0, ge=0.0, le=1.0)
    log_level: LogLevel = "INFO"
    drain_notice_s: float = Field(default=0.5, ge=0.0)
    drain_grace_s: float = Field(default=10.0, ge=0.0)
    parent_pid: int = Field(default=0, ge=0)


def describe(error: ValidationError) -> str:
    """What is wrong with the environment, on one line, by the variables' names."""
    prefix = ServiceSettings.model_config.get("env_prefix", "")
    problems = [
        f"{prefix}{'.'.join(str(part) for part in problem['loc'])}".upper() + f": {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)
    ]
    return "; ".join(problems)
