"""A model whose weights lie beside it, from a folder to an answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from algolink.client import AsyncClient
from tests.registry_svc import onnx_files

pytestmark = pytest.mark.e2e


async def test_a_folder_that_is_pushed_answers(client: AsyncClient, tmp_path: Path) -> None:
    files = onnx_files.with_weights_beside(columns=2)
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)

    version = await client.push(tmp_path, name="in-a-folder")
    answer = await client.predict("in-a-folder", [[1.0, 2.0]])

    assert version.folder_files == 2
    assert answer.output.tolist() == [[2.0, 3.0]]
