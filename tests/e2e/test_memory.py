"""What the registry remembers, and going back, through the real Envoy."""

from __future__ import annotations

import uuid
from datetime import UTC

import pytest

from algolink.client import AsyncClient
from algolink.errors import FailedPrecondition
from tests.e2e.stack import until_async
from tests.registry_svc import onnx_files

pytestmark = pytest.mark.e2e

ROW = [[1.0, 2.0, 3.0, 4.0]]


async def test_a_rollback_answers_with_the_version_before(client: AsyncClient) -> None:
    name = f"e2e-{uuid.uuid4().hex[:8]}"
    onnx = onnx_files.plus_one(columns=4)
    first = await client.push(onnx, name=name)
    await client.push(onnx, name=name, aliases=["champion"])
    before = (await client.predict(name, ROW)).version

    move = await client.history.roll_back(name, reason="errors since noon")

    assert (before, move.version, move.reason) == (2, 1, "errors since noon")
    assert (await client.predict(name, ROW)).version == 1
    moves = await client.history.alias_moves(name, "champion")
    assert [(m.previous_version, m.version) for m in moves] == [(2, 1), (1, 2), (0, 1)]
    at_push = await client.history.alias_at(name, "champion", move.commit_time.ToDatetime(UTC))
    assert at_push.number == move.number
    with pytest.raises(FailedPrecondition, match="VERSION_IN_USE"):
        await client.lifecycle.archive(name, first.number)


async def test_a_version_that_retired_is_not_routed_to_and_is_in_the_audit(
    client: AsyncClient,
) -> None:
    name = f"e2e-{uuid.uuid4().hex[:8]}"
    onnx = onnx_files.plus_one(columns=4)
    await client.push(onnx, name=name)
    second = await client.push(onnx, name=name)

    deleted = await client.lifecycle.delete(name, second.number, reason="leaks")

    with pytest.raises(FailedPrecondition, match="VERSION_RETIRED"):
        await client.set_alias(name, "champion", second.number)
    assert (await client.predict(name, ROW)).version == 1
    entries = [e for e in await client.audit.entries() if e.resource == deleted.name]
    assert [entry.action for entry in entries] == ["PushVersion", "DeleteVersion"]
    assert all(entry.request_id for entry in entries)

    async def is_sealed() -> bool:
        return (await client.audit.status()).newest_sealed >= entries[-1].number

    await until_async(is_sealed, "the audit is sealed")
    assert (await client.audit.verify()).sealed >= entries[-1].number
