"""What Triton reads: configuration, versions, and what a crash leaves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from inference_svc.batching.scheduler import Policy
from inference_svc.domain.datatypes import Datatype
from inference_svc.domain.signature import FREE, Signature, TensorSpec
from inference_svc.engines import LoadError
from inference_svc.triton import model_files
from inference_svc.triton.model_files import Runs, Traits
from inference_svc.triton.repository import ModelRepository
from tests.inference_svc.replicas import a_wanted_version

VERSION = a_wanted_version("iris", 3, b"artifact")
RUNS = Runs(threads=2, instances=1, batching=Policy(max_rows=32, max_delay_ns=5_000, max_queued=9))


def traits(*shape: int, datatype: Datatype = Datatype.FP32, has_rows: bool = True) -> Traits:
    spec = TensorSpec("x", datatype, shape or None)
    return Traits(Signature((spec,), (spec,)), has_rows)


def told(of: Traits) -> dict[str, object]:
    files = model_files.version_files(VERSION, of, RUNS)
    config: dict[str, object] = json.loads(files[model_files.VERSION])["config"]
    return config


@pytest.fixture
def repository(tmp_path: Path) -> ModelRepository:
    repository = ModelRepository(tmp_path / "triton", RUNS, runs_onnx_itself=False)
    repository.open()
    return repository


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    path = tmp_path / VERSION.digest
    path.write_bytes(b"artifact")
    return path


CONTENTS = model_files.version_files(VERSION, traits(FREE, 4), RUNS)


@pytest.mark.parametrize(
    ("runs_onnx_itself", "backend", "file"),
    [(False, "python", ""), (True, "onnxruntime", "model.onnx")],
)
def test_a_configuration_names_the_versions_and_what_runs_them(
    runs_onnx_itself: bool, backend: str, file: str
) -> None:
    text = model_files.config("iris", [3, 1], runs=RUNS, runs_onnx_itself=runs_onnx_itself)

    config = text_format.Parse(text, model_config_pb2.ModelConfig())
    assert (config.name, config.backend, config.default_model_filename) == ("iris", backend, file)
    assert list(config.version_policy.specific.versions) == [1, 3]


def test_a_version_whose_rows_are_proven_shares_runs() -> None:
    assert told(traits(FREE, 4)) == {
        "max_batch_size": 32,
        "input": [{"name": "x", "data_type": "TYPE_FP32", "dims": [4]}],
        "output": [{"name": "x", "data_type": "TYPE_FP32", "dims": [4]}],
        "dynamic_batching": {
            "max_queue_delay_microseconds": 5,
            "default_queue_policy": {"max_queue_size": 9},
        },
    }


@pytest.mark.parametrize(
    ("of", "dims"),
    [
        (traits(FREE, 4, has_rows=False), [-1, 4]),
        (traits(2, 4, has_rows=False), [2, 4]),
        # Triton would have it sent as [N, 1].
        (traits(FREE, has_rows=True), [-1]),
    ],
)
def test_a_version_without_proven_rows_runs_each_request_alone(of: Traits, dims: list[int]) -> None:
    assert told(of) == {
        "max_batch_size": 0,
        "input": [{"name": "x", "data_type": "TYPE_FP32", "dims": dims}],
        "output": [{"name": "x", "data_type": "TYPE_FP32", "dims": dims}],
    }


@pytest.mark.parametrize(
    ("of", "why"),
    [
        (traits(FREE, 4, datatype=Datatype.BF16), "BF16"),
        (traits(), "no known number of axes"),
    ],
)
def test_what_triton_cannot_hold_is_refused(of: Traits, why: str) -> None:
    with pytest.raises(LoadError, match=why):
        model_files.version_files(VERSION, of, RUNS)


def test_a_version_is_found_again_as_it_was_put(
    repository: ModelRepository, artifact: Path
) -> None:
    repository.put(VERSION, CONTENTS, artifact)
    repository.serve("iris", [3])

    again = ModelRepository(repository.folder.parent, RUNS, runs_onnx_itself=False)
    again.open()

    assert again.versions() == [VERSION]
    assert again.has(VERSION.name, CONTENTS)
    assert not again.has(VERSION.name, CONTENTS | {"model.py": b"a newer one"})
    assert (again.folder / "iris" / "3" / "model.onnx").read_bytes() == b"artifact"


def test_weights_that_lie_beside_a_model_come_along(
    repository: ModelRepository, tmp_path: Path
) -> None:
    folder = tmp_path / "folder" / "onnx"
    (folder / "weights").mkdir(parents=True)
    (folder / "net.onnx").write_bytes(b"net")
    (folder / "weights" / "part").write_bytes(b"part")

    repository.put(VERSION, CONTENTS, folder / "net.onnx")

    version = repository.folder / "iris" / "3"
    assert (version / "model.onnx").read_bytes() == b"net"
    assert (version / "weights" / "part").read_bytes() == b"part"
    (folder / "model.py").touch()
    with pytest.raises(LoadError, match=r"a file model\.py"):
        repository.put(VERSION, CONTENTS, folder / "net.onnx")


def test_removing_a_version_leaves_the_others_and_the_last_one_takes_its_model_along(
    repository: ModelRepository, artifact: Path
) -> None:
    other = a_wanted_version("iris", 4, b"artifact")
    for version in (VERSION, other):
        repository.put(version, CONTENTS, artifact)
    repository.serve("iris", [3, 4])

    repository.remove(other.name)
    assert repository.versions() == [VERSION]
    repository.remove(VERSION.name)
    repository.remove(VERSION.name)

    assert list(repository.folder.iterdir()) == []
    assert artifact.exists()


def test_what_a_crash_left_is_not_a_version(repository: ModelRepository, artifact: Path) -> None:
    (repository.folder.parent / "staging" / "iris-9").mkdir()
    damaged = repository.folder / "iris" / "5"
    damaged.mkdir(parents=True)
    (damaged / model_files.VERSION).write_text("{")

    repository.open()

    assert repository.versions() == []
    assert not list((repository.folder.parent / "staging").iterdir())
