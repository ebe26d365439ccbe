from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from onnx import TensorProto

from algolink.errors import InvalidArgument
from registry_svc.domain.versions import Signature, TensorSpec
from registry_svc.inspection import OnnxInspector
from tests.registry_svc import onnx_files

DATATYPES = {
    TensorProto.BOOL: "BOOL",
    TensorProto.INT8: "INT8",
    TensorProto.INT64: "INT64",
    TensorProto.UINT8: "UINT8",
    TensorProto.UINT64: "UINT64",
    TensorProto.FLOAT16: "FP16",
    TensorProto.DOUBLE: "FP64",
    TensorProto.STRING: "BYTES",
}


async def test_each_type_of_tensor_has_its_name_in_the_protocol(tmp_path: Path) -> None:
    inspector = OnnxInspector(timeout_s=60)

    async def signature(datatype: int) -> Signature:
        path = tmp_path / f"{datatype}.onnx"
        path.write_bytes(onnx_files.identity(datatype))
        return await inspector.inspect(path)

    found = await asyncio.gather(*(signature(datatype) for datatype in DATATYPES))

    assert found == [
        Signature((TensorSpec("x", name, (-1,)),), (TensorSpec("y", name, (-1,)),))
        for name in DATATYPES.values()
    ]


async def test_a_file_that_takes_too_long_to_load_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(onnx_files.plus_one(columns=4))

    with pytest.raises(InvalidArgument, match=r"longer than 0\.001 s") as caught:
        await OnnxInspector(timeout_s=0.001).inspect(path)

    assert caught.value.reason == "ARTIFACT_NOT_LOADABLE"


async def test_a_file_that_crashes_the_engine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="crashed") as caught:
        await OnnxInspector(timeout_s=60).inspect(tmp_path / "missing.onnx")

    assert caught.value.reason == "ARTIFACT_NOT_LOADABLE"
