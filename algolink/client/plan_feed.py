"""Follows all experiments, so that they can be evaluated here without asking anybody."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from algolink.assignment import Plan
from algolink.client.connection import Connection
from algolink.client.plans import plan_of
from algolink.client.watching import Watching
from algolink.experiment.v1 import experiment_pb2 as pb

_PATH = "/algolink.experiment.v1.ExperimentService/WatchExperiments"


class PlanFeed:
    """Keeps the plan of every experiment, in a thread of its own, until it is closed.

    Args:
        on_change: told the ids of experiments that changed, once all are known.
        on_synced: told whenever all that is known is as new as the service's.
        on_lost: told once per interruption, with the reason; the last plans stay.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        on_change: Callable[[list[str]], None],
        on_synced: Callable[[], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self._watching = Watching(
            connection,
            _PATH,
            request=lambda: pb.WatchExperimentsRequest(resume_token=self._token),
            response=pb.WatchExperimentsResponse,
            take=self._take,
            on_lost=self._lose,
            name="algolink-plans",
        )
        self._on_change, self._on_synced, self._on_lost = on_change, on_synced, on_lost
        self._plans: dict[str, Plan] = {}
        self._token = ""
        self._is_synced = False
        self._is_lost = False

    def start(self) -> None:
        """Begins to follow."""
        self._watching.start()

    def close(self) -> None:
        """Ends; the last plans stay readable. Closing again does nothing."""
        self._watching.close()

    @property
    def plans(self) -> Mapping[str, Plan]:
        """The plan of each experiment by its id, as last heard."""
        return self._plans

    def _take(self, response: pb.WatchExperimentsResponse) -> None:
        if response.restarted:
            # Another history: what is not told again does not exist in it.
            self._plans, self._is_synced = {}, False
        self._token = response.resume_token
        if response.HasField("synced"):
            self._is_synced, self._is_lost = True, False
            self._on_synced()
            return
        plan = plan_of(response.experiment)
        # A new mapping: whoever reads meanwhile sees the old one, whole.
        self._plans = {**self._plans, plan.experiment: plan}
        if self._is_synced:
            self._on_change([plan.experiment])

    def _lose(self, reason: str) -> None:
        if not self._is_lost:
            self._is_lost = True
            self._on_lost(reason)
