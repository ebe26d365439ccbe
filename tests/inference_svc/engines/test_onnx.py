"""ONNX Runtime behind the engines' protocol."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from algolink.errors import FailedPrecondition
from inference_svc.domain.datatypes import Datatype
from inference_svc.domain.signature import Signature, TensorSpec
from inference_svc.domain.tensors import Array
from inference_svc.engines import LoadError, RunError, onnx, providers
from inference_svc.engines.onnx import OnnxEngine, OnnxModel
from inference_svc.engines.providers import Provider
from tests.inference_svc import onnx_models
from tests.inference_svc.replicas import a_wanted_version


@pytest.fixture
def engine() -> Iterator[OnnxEngine]:
    engine = OnnxEngine(concurrency=2, threads_per_run=1)
    yield engine
    engine.close()


async def load(engine: OnnxEngine, folder: Path, artifact: bytes) -> OnnxModel:
    path = folder / "model"
    path.write_bytes(artifact)
    return await engine.load(a_wanted_version("model", 1), path)


async def test_the_signature_is_the_sessions(engine: OnnxEngine, tmp_path: Path) -> None:
    model = await load(engine, tmp_path, onnx_models.sum_and_difference())

    assert model.signature == Signature(
        inputs=(
            TensorSpec("a", Datatype.FP32, (-1, 2)),
            TensorSpec("b", Datatype.FP32, (-1, 2)),
        ),
        outputs=(
            TensorSpec("sum", Datatype.FP32, (-1, 2)),
            TensorSpec("difference", Datatype.FP32, (-1, 2)),
        ),
    )


async def test_a_classifier_made_by_skl2onnx_answers_as_scikit_learn_does(
    engine: OnnxEngine, tmp_path: Path
) -> None:
    from skl2onnx import to_onnx
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression

    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32)
    classifier = LogisticRegression(max_iter=1_000).fit(images[:500], labels[:500])
    artifact = to_onnx(classifier, images[:1], options={"zipmap": False}).SerializeToString()
    model = await load(engine, tmp_path, artifact)
    await model.warm()

    label, probabilities = await model.infer({"X": images[500:600]}, ["label", "probabilities"])

    assert [spec.datatype for spec in model.signature.outputs] == [Datatype.INT64, Datatype.FP32]
    np.testing.assert_array_equal(label, classifier.predict(images[500:600]))
    np.testing.assert_allclose(probabilities, classifier.predict_proba(images[500:600]), atol=1e-4)


@pytest.mark.parametrize("artifact", [b"", b"no model", onnx_models.scaled(1.0)[:-20]])
async def test_what_is_no_model_is_refused(
    engine: OnnxEngine, tmp_path: Path, artifact: bytes
) -> None:
    with pytest.raises(LoadError):
        await load(engine, tmp_path, artifact)


async def test_an_output_that_the_protocol_cannot_carry_is_refused(
    engine: OnnxEngine, tmp_path: Path
) -> None:
    with pytest.raises(LoadError, match=r"output y is a seq\(map"):
        await load(engine, tmp_path, onnx_models.with_a_map_output())


async def test_a_model_that_fails_on_the_only_shape_it_takes_is_not_loaded(
    engine: OnnxEngine, tmp_path: Path
) -> None:
    model = await load(engine, tmp_path, onnx_models.reshaped((1, 4)))

    with pytest.raises(LoadError, match="warm-up"):
        await model.warm()


async def test_a_warm_up_that_fails_on_an_invented_shape_proves_nothing(
    engine: OnnxEngine, tmp_path: Path
) -> None:
    model = await load(engine, tmp_path, onnx_models.reshaped(("N", "M")))

    await model.warm()

    (answer,) = await model.infer({"x": np.ones((4, 2), dtype=np.float32)}, ["y"])
    assert answer.shape == (2, 4)


@pytest.mark.parametrize(
    ("element", "shape", "expected"),
    [
        (TensorProto.FLOAT, None, None),
        (TensorProto.STRING, ("N", None, 3), (-1, -1, 3)),
    ],
)
async def test_axes_that_the_model_leaves_open_are_free(
    engine: OnnxEngine,
    tmp_path: Path,
    element: int,
    shape: onnx_models.Axes,
    expected: tuple[int, ...] | None,
) -> None:
    model = await load(engine, tmp_path, onnx_models.identity(element, shape))
    await model.warm()

    assert model.signature.inputs[0].shape == expected


@pytest.mark.parametrize(
    ("artifact", "feed", "blames_input"),
    [
        (onnx_models.picked(), {"index": np.array([7])}, True),
        (onnx_models.failing_above_zero(), {"x": np.array([2])}, False),
    ],
    ids=["refused", "failed"],
)
async def test_a_run_that_fails_says_whose_fault_the_runtime_thinks_it_is(
    engine: OnnxEngine,
    tmp_path: Path,
    artifact: bytes,
    feed: dict[str, np.ndarray[tuple[int], np.dtype[np.int64]]],
    blames_input: bool,
) -> None:
    model = await load(engine, tmp_path, artifact)

    with pytest.raises(RunError) as caught:
        await model.infer(feed, ["y"])

    assert caught.value.blames_input is blames_input
    assert "/onnxruntime" not in str(caught.value)


async def test_an_unloaded_model_runs_no_more(engine: OnnxEngine, tmp_path: Path) -> None:
    model = await load(engine, tmp_path, onnx_models.identity())
    await model.unload()

    with pytest.raises(RuntimeError, match="unloaded"):
        await model.warm()


@pytest.mark.parametrize("provider", [Provider.CUDA, Provider.TENSORRT, Provider.OPENVINO])
def test_a_provider_that_is_not_there_is_refused_and_never_replaced(provider: Provider) -> None:
    with pytest.raises(FailedPrecondition) as caught:
        providers.check(provider, ["CPUExecutionProvider"])

    assert caught.value.reason == "EXECUTION_PROVIDER_MISSING"
    assert "CPUExecutionProvider" not in caught.value.metadata["missing"]


def test_an_engine_whose_provider_is_not_there_does_not_start() -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has CUDA")

    with pytest.raises(FailedPrecondition, match="cuda needs CUDAExecutionProvider"):
        OnnxEngine(concurrency=1, threads_per_run=1, provider=Provider.CUDA)


async def thread_of_run(model: OnnxModel, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of the thread on which the next run happens."""
    names = []
    run = onnx._run

    def observed(*arguments: Any) -> list[Array]:
        names.append(threading.current_thread().name)
        return run(*arguments)

    monkeypatch.setattr(onnx, "_run", observed)
    await model.infer({"x": np.ones((1, 4), dtype=np.float32)}, ["y"])
    monkeypatch.setattr(onnx, "_run", run)
    return names[0]


async def test_a_run_that_is_known_to_be_short_stays_on_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(OnnxEngine(concurrency=1, threads_per_run=1, short_run_ns=10**12)) as engine:
        model = await load(engine, tmp_path, onnx_models.scaled(2.0))

        first = await thread_of_run(model, monkeypatch)
        second = await thread_of_run(model, monkeypatch)

    assert first.startswith("onnx")
    assert second == threading.current_thread().name


async def test_a_model_that_may_loop_for_ever_never_runs_on_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(OnnxEngine(concurrency=1, threads_per_run=1, short_run_ns=10**12)) as engine:
        model = await load(engine, tmp_path, onnx_models.doubled_in_a_loop(3))

        threads = [await thread_of_run(model, monkeypatch) for _ in range(2)]
        (answer,) = await model.infer({"x": np.ones((1, 4), dtype=np.float32)}, ["y"])

    assert all(thread.startswith("onnx") for thread in threads)
    np.testing.assert_array_equal(answer, np.full((1, 4), 8.0, dtype=np.float32))


async def test_half_precision_models_answer_in_half_precision(
    engine: OnnxEngine, tmp_path: Path
) -> None:
    model = await load(engine, tmp_path, onnx_models.identity(TensorProto.FLOAT16, ("N", 4)))
    await model.warm()
    half = np.array([[0.5, 1.0, 2.0, 65504.0]], dtype=np.float16)

    (answer,) = await model.infer({"x": half}, ["y"])

    assert model.signature.outputs[0].datatype is Datatype.FP16
    np.testing.assert_array_equal(answer, half)


async def test_quantized_models_answer_within_their_steps(
    engine: OnnxEngine, tmp_path: Path
) -> None:
    model = await load(engine, tmp_path, onnx_models.quantized(scale=0.5))
    await model.warm()

    (answer,) = await model.infer({"x": np.array([[0.1, 0.9, -3.3, 1000.0]], np.float32)}, ["y"])

    np.testing.assert_array_equal(answer, np.array([[0, 2, -7, 127]], dtype=np.int8))
