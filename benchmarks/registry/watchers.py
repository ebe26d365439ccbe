"""How long until every watch has heard of one change.

    python -m benchmarks.registry.watchers [--watchers 1000] [--changes 10]

The watches are all of one client process, over 20 connections, on the machine of the registry.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import onnx
from onnx import TensorProto, helper

from algolink.client import Client
from algolink.registry.v1 import registry_pb2 as pb
from algolink.registry.v1 import registry_pb2_grpc
from benchmarks.registry import service

GOAL_S = 1.0
_CONNECTIONS = 20
_METADATA = (("authorization", f"Bearer {service.TOKEN}"),)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--watchers", type=int, default=1_000)
    parser.add_argument("--changes", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, service.running(Path(name)) as registry:
        with Client(registry.address, data_endpoint="127.0.0.1:1", token=service.TOKEN) as client:
            client.push(_model(), name="watched", wait=False)
        took = asyncio.run(_measure(registry.address, arguments.watchers, arguments.changes))
    print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} CPUs, SQLite")
    print(
        f"{arguments.watchers} watches, one change reaches all in "
        f"{statistics.median(took):.3f} s (median of {len(took)}), {max(took):.3f} s at most"
    )
    print(f"goal: {GOAL_S:g} s at most")


async def _measure(address: str, watchers: int, changes: int) -> list[float]:
    channels = [
        grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
        for _ in range(_CONNECTIONS)
    ]
    stubs: list[Any] = [registry_pb2_grpc.RegistryServiceStub(channel) for channel in channels]
    watches = []
    for number in range(watchers):
        call = stubs[number % _CONNECTIONS].WatchModels(pb.WatchModelsRequest(), metadata=_METADATA)
        watches.append(call)
    await asyncio.gather(*(_until_synced(watch) for watch in watches))
    took = []
    for change in range(changes):
        request = pb.SetAliasRequest(model="models/watched", alias=f"a{change}", version=1)
        waiting = [asyncio.ensure_future(watch.read()) for watch in watches]
        began = time.perf_counter()
        await stubs[0].SetAlias(request, metadata=_METADATA)
        for message in await asyncio.gather(*waiting):
            if f"a{change}" not in message.model.model.aliases:
                raise RuntimeError("a watch tells of something else")
        took.append(time.perf_counter() - began)
    for watch in watches:
        watch.cancel()
    for channel in channels:
        await channel.close()
    return took


async def _until_synced(watch: Any) -> None:
    while (await watch.read()).WhichOneof("event") != "synced":
        continue


def _model() -> bytes:
    """`y = x`."""
    spec = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None]) for name in "xy"]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])], "identity", spec[:1], spec[1:]
    )
    model: onnx.ModelProto = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    return bytes(model.SerializeToString())


if __name__ == "__main__":
    main()
