"""TableService over a real channel."""

from __future__ import annotations

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
