from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_SUFFIXES = ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py")


def test_committed_messages_are_what_protoc_makes_of_the_protos(root: Path, tmp_path: Path) -> None:
    protos = sorted(str(path) for path in (root / "protos").rglob("*.proto"))
    protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{root / 'protos'}"]
    outputs = [f"--{kind}_out={tmp_path}" for kind in ("python", "pyi", "grpc_python")]

    subprocess.run([*protoc, *outputs, *protos], check=True, capture_output=True)

    fresh = {path.relative_to(tmp_path): path.read_text() for path in _generated(tmp_path)}
    committed = {path.relative_to(root): path.read_text() for path in _generated(root / "algolink")}
    assert committed.keys() == fresh.keys(), "run make generate"
    stale = [str(name) for name in fresh if committed[name] != fresh[name]]
    assert stale == [], "run make generate"


def _generated(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.endswith(_SUFFIXES)]
