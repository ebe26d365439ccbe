"""Follows all experiments, so that they can be evaluated here without asking anybody."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

import grpc

from algolink.assignment import Plan
from algolink.client import channels
from algolink.client.calls import serialized
from algolink.client.connection import Connection
from algolink.client.plans import plan_of
from algolink.client.rpc_errors import restored
from algolink.experiment.v1 import experiment_pb2 as pb

_PATH = "/algolink.experiment.v1.ExperimentService/WatchExperiments"
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0


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
        self._endpoint = connection.admin_endpoint
        self._authorization = channels.authorization(connection)
        self._channel = grpc.insecure_channel(
            self._endpoint, options=channels.options(self._endpoint)
        )
        self._on_change, self._on_synced, self._on_lost = on_change, on_synced, on_lost
        self._plans: dict[str, Plan] = {}
        self._token = ""
        self._is_synced = False
        self._is_lost = False
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="algolink-plans", daemon=True)

    def start(self) -> None:
        """Begins to follow."""
        self._thread.start()

    def close(self) -> None:
        """Ends; the last plans stay readable. Closing again does nothing."""
        self._closed.set()
        self._channel.close()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    @property
    def plans(self) -> Mapping[str, Plan]:
        """The plan of each experiment by its id, as last heard."""
        return self._plans

    def _run(self) -> None:
        watch = self._channel.unary_stream(
            _PATH,
            request_serializer=serialized,
            response_deserializer=pb.WatchExperimentsResponse.FromString,
        )
        pause_s = _FIRST_PAUSE_S
        while not self._closed.is_set():
            try:
                request = pb.WatchExperimentsRequest(resume_token=self._token)
                for response in watch(request, metadata=self._authorization):
                    pause_s = _FIRST_PAUSE_S
                    self._take(response)
            except grpc.RpcError as failure:
                error = restored(failure, endpoint=self._endpoint, timeout_s=0)
                self._lose(error.message)
            except ValueError:  # how grpc says that the channel is closed
                self._lose("the connection was closed")
            self._closed.wait(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

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
        if not self._is_lost and not self._closed.is_set():
            self._is_lost = True
            self._on_lost(reason)
