"""Triton's own statistics, as measurements of its agent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation
from tritonclient.utils import InferenceServerException

from inference_svc.triton.server import TritonServer

_log = logging.getLogger(__name__)

_EVERY_S: Final = 2.0
_TIMEOUT_S: Final = 5.0

_COUNTERS: Final[dict[str, tuple[str, str, Callable[[Any], float]]]] = {
    "algolink.triton.requests": (
        "1",
        "Predictions that Triton answered.",
        lambda told: told.inference_stats.success.count,
    ),
    "algolink.triton.failures": (
        "1",
        "Predictions that Triton failed.",
        lambda told: told.inference_stats.fail.count,
    ),
    "algolink.triton.rows": (
        "1",
        "Rows that Triton's models ran on.",
        lambda told: told.inference_count,
    ),
    "algolink.triton.runs": (
        "1",
        "Runs of models, which requests may share.",
        lambda told: told.execution_count,
    ),
    "algolink.triton.queue": (
        "s",
        "Time that predictions waited in Triton.",
        lambda told: told.inference_stats.queue.ns / 1e9,
    ),
    "algolink.triton.compute": (
        "s",
        "Time that models took for them.",
        lambda told: told.inference_stats.compute_infer.ns / 1e9,
    ),
}
"""By name: unit, description, and where it stands in a version's statistics."""


class Follower:
    """Asks for the statistics of every version again and again, and tells the last answer.

    They begin anew whenever Triton does, as counters may.
    """

    def __init__(self, server: TritonServer) -> None:
        self._server = server
        self._told: list[Any] = []
        meter = metrics.get_meter(__name__)
        for name, (unit, description, value) in _COUNTERS.items():
            meter.create_observable_counter(
                name, [self._observer(value)], unit=unit, description=description
            )

    async def run(self) -> None:
        """Asks until cancelled."""
        while True:
            await self._server.until_live()
            try:
                answer = await self._server.client.get_inference_statistics(
                    client_timeout=_TIMEOUT_S
                )
                self._told = list(answer.model_stats)
            except InferenceServerException as error:
                _log.info("no statistics of triton", extra={"error": str(error)})
            await asyncio.sleep(_EVERY_S)

    def _observer(
        self, value: Callable[[Any], float]
    ) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_: CallbackOptions) -> Iterator[Observation]:
            for told in self._told:
                yield Observation(value(told), {"model": told.name, "version": told.version})

        return observe
