"""Losses in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from algolink.names import ExperimentName
from experiment_svc.domain import losses
from experiment_svc.domain.losses import Acknowledgement, Loss, Report

LossesByKey = dict[tuple[str, str, str], Loss]
"""By experiment, node and run."""


class MemoryLosses:
    """Reads and writes the losses of one copy of the state."""

    def __init__(self, by_key: LossesByKey) -> None:
        self._by_key = by_key

    async def losses_of(self, name: ExperimentName) -> Sequence[Loss]:
        """Those of an experiment, newest first."""
        return [loss for loss in self._losses() if loss.experiment == name.experiment]

    async def open_losses(self, *, limit: int) -> Sequence[Loss]:
        """Those that nobody has acknowledged, newest first."""
        return [loss for loss in self._losses() if loss.is_open][:limit]

    async def report_losses(self, report: Report) -> None:
        """Stores a report, unless one of the same or a higher revision is there."""
        known = [
            loss
            for loss in self._by_key.values()
            if (loss.node, loss.run) == (report.node, report.run)
        ]
        self._put_losses(losses.merge(known, report))

    async def acknowledge_losses(
        self, name: ExperimentName, acknowledgement: Acknowledgement
    ) -> Sequence[Loss]:
        """Acknowledges those of an experiment that are open; returns them."""
        found = [loss for loss in await self.losses_of(name) if loss.is_open]
        taken = [replace(loss, acknowledgement=acknowledgement) for loss in found]
        self._put_losses(taken)
        return taken

    def _losses(self) -> list[Loss]:
        found = [loss for loss in self._by_key.values() if loss.is_any]
        found.sort(key=lambda loss: (loss.experiment, loss.node, loss.run))
        return sorted(found, key=lambda loss: loss.time, reverse=True)

    def _put_losses(self, changed: Sequence[Loss]) -> None:
        for loss in changed:
            self._by_key[loss.experiment, loss.node, loss.run] = loss
