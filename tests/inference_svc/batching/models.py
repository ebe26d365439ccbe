"""A model whose runs a test holds back, lets go and fails."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import numpy as np

from inference_svc.domain.datatypes import Datatype
from inference_svc.domain.signature import FREE, Signature, TensorSpec
from inference_svc.domain.tensors import Array
from inference_svc.engines import RunError

POISON = -1.0

ROWS = Signature(
    (TensorSpec("x", Datatype.FP32, (FREE, FREE)),), (TensorSpec("y", Datatype.FP32, (FREE, FREE)),)
)


class Doubling:
    """`y = 2 x`; fails if any number is `POISON`.

    Attributes:
        batches: first column of each batch that was run.
        gate: runs wait for it.
        is_aligned: whether the output has the input's rows.
    """

    memory_bytes = 1

    def __init__(self, signature: Signature = ROWS, *, is_aligned: bool = True) -> None:
        self.signature = signature
        self.is_aligned = is_aligned
        self.batches: list[list[float]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.began = asyncio.Event()
        self.is_unloaded = False
        self.at_a_time = 0
        self.most_at_a_time = 0
        self.error: Exception | None = None

    async def warm(self) -> None:
        """Needs none."""

    async def infer(self, feed: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        x = feed["x"]
        self.batches.append(x[:, 0].tolist())
        self.at_a_time += 1
        self.most_at_a_time = max(self.most_at_a_time, self.at_a_time)
        self.began.set()
        try:
            await self.gate.wait()
            await asyncio.sleep(0)
        finally:
            self.at_a_time -= 1
        if self.error is not None:
            raise self.error
        if (x == POISON).any():
            raise RunError("poison", blames_input=True)
        y = 2 * x
        return [y if self.is_aligned else y.sum(axis=0, keepdims=True) for _ in outputs]

    async def unload(self) -> None:
        assert self.at_a_time == 0
        self.is_unloaded = True


def a_feed(value: float, rows: int = 1, columns: int = 1) -> dict[str, Array]:
    return {"x": np.full((rows, columns), value, dtype=np.float32)}
