"""What an operator does to a whole stack."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest

from algolink import split
from algolink.client import AsyncClient
from algolink.errors import FailedPrecondition, NotFound
from examples.digits.material import Training

pytestmark = pytest.mark.e2e


async def test_an_operator_shifts_kills_and_freezes(
    client: AsyncClient, training: Training
) -> None:
    model = f"digits-{uuid.uuid4().hex[:8]}"
    image = training.images[:1]
    first = await client.push(training.champion.onnx, name=model)
    began = datetime.now(UTC)
    second = await client.push(training.challenger.onnx, name=model)

    # Nothing names the second version yet: a shift has it loaded, then routed.
    with pytest.raises(NotFound):
        await client.predict(model, image, version=second.number)
    shifted = await client.traffic.shift(model, {first.number: 5_000, second.number: 5_000})
    table = split.Table(tuple(split.Segment(s.start, s.end, s.arm) for s in shifted.shift.segments))
    for number in range(40):
        arm = table.arm_of(split.bucket(shifted.shift.salt, f"unit-{number}"))
        answer = await client.predict(model, image, unit=f"unit-{number}")
        assert (f"v{answer.version}", answer.experiment) == (arm, "")

    await client.traffic.freeze(model, reason="a quiet night")
    await client.set_alias(model, "champion", second.number, wait=False)
    assert (await client.predict(model, image)).version == first.number
    await client.traffic.kill(model, second.number, reason="it is wrong")
    with pytest.raises(FailedPrecondition, match="is killed"):
        await client.predict(model, image, version=second.number)
    answers = [await client.predict(model, image, unit=f"unit-{n}") for n in range(20)]
    assert {answer.version for answer in answers} == {first.number}

    await client.traffic.unfreeze(model)
    await client.traffic.revive(model, second.number)
    await client.traffic.clear(model)
    assert (await client.predict(model, image)).version == second.number
    then = await client.explain(model, unit="unit-1", at=began)
    assert (then.version, [r.rule for r in then.rules if r.decided]) == (first.number, ["champion"])
    history = await client.traffic.history(model)
    done = [event.decision for event in history if event.HasField("decision")]
    assert [decision.caller for decision in done] == ["admin"] * 6
    assert "it is wrong" in {decision.reason for decision in done}
