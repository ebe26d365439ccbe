"""TableService over a real channel."""

from __future__ import annotations

import asyncio
import json

import grpc
import pytest

from algolink.router.v1 import tables_pb2, tables_pb2_grpc
from chassis import errors
from mesh import table
from tests.router_svc.builders import a_model, a_replica, an_experiment
from tests.router_svc.conftest import Control


def tables(control: Control) -> tables_pb2_grpc.TableServiceStub:
    return tables_pb2_grpc.TableServiceStub(control.line)


async def test_the_table_is_told_whole_and_can_be_read_back(control: Control) -> None:
    control.router.replicas.announce(a_replica(ready=[1, 2]))
    control.show(a_model(), experiments=(an_experiment(),))
    await control.table(1)

    for models in ([], ["digits"]):
        told = await tables(control).GetTable(tables_pb2.GetTableRequest(models=models))

        read = table.from_json(json.loads(told.content_json))
        assert read == control.router.composer.view.state.snapshot
        assert told.revision == read.revision
        assert told.read_time.ToDatetime() == control.clock.now().replace(tzinfo=None)


@pytest.mark.parametrize(
    ("models", "served", "code", "reason"),
    [
        ([], False, grpc.StatusCode.FAILED_PRECONDITION, "TABLE_NOT_COMPOSED"),
        (["iris"], True, grpc.StatusCode.NOT_FOUND, "ROUTE_NOT_FOUND"),
        (["No such"], True, grpc.StatusCode.INVALID_ARGUMENT, "MODEL_ID_INVALID"),
    ],
)
async def test_what_is_not_there_is_refused(
    control: Control, models: list[str], served: bool, code: grpc.StatusCode, reason: str
) -> None:
    if served:
        control.router.replicas.announce(a_replica(ready=[1, 2]))
        control.show(a_model())
        await control.table(1)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await tables(control).GetTable(tables_pb2.GetTableRequest(models=models))

    assert caught.value.code() is code
    assert errors.from_rpc_error(caught.value).reason == reason


async def test_the_table_is_followed_from_what_it_is_to_what_it_becomes(control: Control) -> None:
    control.router.replicas.announce(a_replica(ready=[1, 2]))
    control.show(a_model(aliases={"canary": 2}))
    await control.table(1)
    first = control.router.composer.view.state.snapshot
    watch = tables(control).WatchTable(tables_pb2.WatchTableRequest())

    told = [await watch.read()]
    control.show(a_model(champion=2, aliases={"canary": 1}))
    await control.table(2)
    second = control.router.composer.view.state.snapshot
    while told[-1].revision != second.revision:
        told.append(await watch.read())

    assert told[0].revision == first.revision
    assert table.from_json(json.loads(told[-1].content_json)) == second
    watch.cancel()


async def test_nothing_is_told_before_there_is_a_table(control: Control) -> None:
    watch = tables(control).WatchTable(tables_pb2.WatchTableRequest())
    first = asyncio.create_task(watch.read())
    control.router.replicas.announce(a_replica(ready=[1, 2]))
    control.show(a_model())
    await control.table(1)

    assert json.loads((await first).content_json)["routes"]
    watch.cancel()
