"""Snapshots for tests; each builder takes only what a test is about."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping

from algolink import split
from mesh import attempts, table


def a_split(
    weights: Mapping[str, int] | None = None,
    *,
    versions: Mapping[str, int] | None = None,
    salt: str = "digits-1-a1",
    per_request: bool = False,
    bucket_table: split.Table | None = None,
    phase: int = 1,
    fallback: table.Fallback | None = table.Fallback(),  # noqa: B008 - a frozen value
) -> table.Split:
    return table.Split(
        experiment="digits-1",
        phase=phase,
        salt=salt,
        per_request=per_request,
        table=bucket_table or split.allocate(weights or {"champion": 9_000, "challenger": 1_000}),
        versions=versions or {"champion": 1, "challenger": 2},
        control="champion",
        experiment_revision=4,
        fallback=fallback,
    )


def a_shift(weights: Mapping[str, int] | None = None, *, per_request: bool = False) -> table.Split:
    """Shares of versions 1 and 2 without an experiment."""
    return table.Split(
        experiment="",
        phase=0,
        salt="shift-digits-1",
        per_request=per_request,
        table=split.allocate(weights or {"v1": 9_000, "v2": 1_000}),
        versions={"v1": 1, "v2": 2},
        control="v1",
        experiment_revision=1,
    )


def a_route(
    model: str = "digits",
    *,
    versions: tuple[int, ...] = (1, 2),
    champion: int = 1,
    split: table.Split | None = None,
    killed: tuple[int, ...] = (),
    shadow: table.Shadow | None = None,
    audiences: tuple[table.Audience, ...] = (),
    overrides: Mapping[str, int] | None = None,
    holdout: table.Holdout | None = None,
    handling: table.Handling = attempts.PLAIN,
) -> table.ModelRoute:
    return table.ModelRoute(
        model=model,
        pool="default",
        champion=champion,
        versions=versions,
        split=split,
        killed=killed,
        shadow=shadow,
        audiences=audiences,
        overrides=overrides or {},
        holdout=holdout,
        handling=handling,
    )


def a_snapshot(
    *routes: table.ModelRoute,
    grpc: tuple[table.Endpoint, ...] = (table.Endpoint("127.0.0.1", 8001),),
    http: tuple[table.Endpoint, ...] = (table.Endpoint("127.0.0.1", 8002),),
    foreign: bool = False,
) -> table.Snapshot:
    return table.Snapshot(
        routes={route.model: route for route in routes},
        pools={"default": table.Pool(name="default", grpc=grpc, http=http, foreign=foreign)},
    )


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def until(condition: Callable[[], bool], *, within_s: float = 20) -> None:
    """Waits for `condition`; fails the test if it does not come."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - the condition is outside this process
            await asyncio.sleep(0.01)
