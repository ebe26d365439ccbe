"""Trace and log settings as Triton's clients see them: read at the start, and fixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from algolink.errors import FailedPrecondition, InvalidArgument
from algolink.names import shown
from chassis.settings import ServiceSettings

LogValue = bool | int | str
TraceValue = tuple[str, ...]

_NEVER = "0"


@dataclass(frozen=True, slots=True)
class FixedSettings:
    """How this process traces and logs.

    Attributes:
        trace: by Triton's names; each a list of texts.
        log: by Triton's names.
    """

    trace: Mapping[str, TraceValue]
    log: Mapping[str, LogValue]

    @classmethod
    def of(cls, settings: ServiceSettings) -> Self:
        """What a process with `settings` does."""
        traces = bool(settings.otlp_endpoint) and settings.trace_sample_ratio > 0
        level = settings.log_level
        order = ["DEBUG", "INFO", "WARNING", "ERROR"].index
        rate = str(round(1 / settings.trace_sample_ratio)) if traces else _NEVER
        return cls(
            trace={
                "trace_level": ("TIMESTAMPS",) if traces else ("OFF",),
                "trace_rate": (rate,),
                "trace_count": ("-1",),
                "log_frequency": ("0",),
                "trace_file": ("",),
                "trace_mode": ("opentelemetry",),
            },
            log={
                "log_file": "",
                "log_info": order(level) <= order("INFO"),
                "log_warning": order(level) <= order("WARNING"),
                "log_error": True,
                "log_verbose_level": int(level == "DEBUG"),
                "log_format": "json",
            },
        )


def check_unchanged(
    asked: Mapping[str, TraceValue | LogValue | None],
    fixed: Mapping[str, TraceValue] | Mapping[str, LogValue],
) -> None:
    """Lets through what is so already; None asks for the server's default, which it is.

    Raises:
        InvalidArgument: SETTING_UNKNOWN.
        FailedPrecondition: SETTING_FIXED.
    """
    for name, value in asked.items():
        if name not in fixed:
            raise InvalidArgument(
                "SETTING_UNKNOWN",
                f"there is no setting {shown(name)}: there are {', '.join(fixed)}",
                setting=shown(name),
            )
        if value is not None and value != fixed[name]:
            raise FailedPrecondition(
                "SETTING_FIXED",
                f"setting {name} is read at the start: restart the replica with another one",
                setting=name,
            )
