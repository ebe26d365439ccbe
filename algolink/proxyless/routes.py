"""The routes of all models, followed in the background."""

from __future__ import annotations

import logging
import threading

from algolink.client.connection import Connection
from algolink.client.watching import Watching
from algolink.errors import AlgoLinkError
from algolink.proxyless.routing import Routing
from algolink.router.v1 import router_pb2 as pb

_log = logging.getLogger(__name__)

_PATH = "/algolink.router.v1.RouterService/WatchRoutes"


class Routes:
    """What the router last said of each model; it outlives the router."""

    def __init__(self, connection: Connection) -> None:
        self._watching = Watching(
            connection,
            _PATH,
            request=self._begin,
            response=pb.WatchRoutesResponse,
            take=self._take,
            on_lost=self._lose,
            name="algolink-routes",
        )
        self._fresh: dict[str, pb.Route] = {}
        self._ready: dict[str, Routing] = {}
        self._making = threading.Lock()
        self._told: set[str] = set()
        self._said: set[tuple[str, str]] = set()
        self.is_synced = False
        self.reason = "the router has not answered yet"

    def start(self) -> None:
        """Begins to follow."""
        self._watching.start()

    def close(self) -> None:
        """Ends; what is known stays."""
        self._watching.close()

    def get(self, model: str) -> Routing | None:
        """The route of `model`, if there is one; made ready by the first who asks."""
        if model in self._fresh:
            with self._making:
                if (route := self._fresh.pop(model, None)) is not None:
                    self._make(route)
        return self._ready.get(model)

    def _begin(self) -> pb.WatchRoutesRequest:
        self._told = set()
        return pb.WatchRoutesRequest(routing_only=True)

    def _take(self, response: pb.WatchRoutesResponse) -> None:
        match response.WhichOneof("event"):
            case "route":
                self._told.add(response.route.model)
                self._fresh[response.route.model] = response.route
            case "deleted":
                self._forget({response.deleted})
            case "synced":
                self._forget((self._fresh.keys() | self._ready.keys()) - self._told)
                self.is_synced, self.reason = True, ""

    def _make(self, route: pb.Route) -> None:
        try:
            routing = Routing(route)
        except (ValueError, AlgoLinkError) as error:
            # What was known before is the better answer.
            _log.error("route not understood", extra={"model": route.model, "error": str(error)})
            return
        self._ready[route.model] = routing
        for sentence in routing.limitations:
            if (route.model, sentence) not in self._said:
                self._said.add((route.model, sentence))
                _log.warning("not done without a proxy: %s: %s", route.model, sentence)

    def _forget(self, models: set[str]) -> None:
        with self._making:
            for model in models:
                self._fresh.pop(model, None)
                self._ready.pop(model, None)

    def _lose(self, reason: str) -> None:
        if not self.reason:
            _log.warning("routes are not followed: %s", reason)
        self.reason = reason
