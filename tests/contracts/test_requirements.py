from __future__ import annotations

from pathlib import Path

REQUIREMENTS = Path(__file__).parent.parent.parent / "requirements"


def locked(file: str, package: str) -> str:
    [line] = [
        line
        for line in (REQUIREMENTS / file).read_text().splitlines()
        if line.startswith(f"{package}==")
    ]
    return line.split()[0]


def test_triton_runs_the_onnx_runtime_that_replicas_run() -> None:
    assert locked("triton.txt", "onnxruntime") == locked("dev.txt", "onnxruntime")
