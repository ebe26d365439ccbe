"""Configuration, statistics, repository and settings, through Triton's own clients."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc.aio as triton
import tritonclient.http.aio as triton_http
from tritonclient.utils import InferenceServerException

from chassis.settings import ServiceSettings
from inference_svc.fixed_settings import FixedSettings
from tests.inference_svc import onnx_models
from tests.inference_svc.replicas import Replica

ROWS = np.ones((3, 4), dtype=np.float32)


@pytest.fixture
async def rest(replica: Replica) -> AsyncIterator[triton_http.InferenceServerClient]:
    url = replica.http_url.removeprefix("http://")
    async with triton_http.InferenceServerClient(url) as client:
        yield client


@pytest.fixture
async def scaled(replica: Replica) -> Replica:
    """A replica that holds `scaled` in versions 1 and 2."""
    await replica.hold(
        replica.source.add("scaled", 1, onnx_models.scaled(10.0)),
        replica.source.add("scaled", 2, onnx_models.scaled(20.0)),
    )
    return replica


async def predict(client: triton.InferenceServerClient, version: str = "") -> None:
    tensor = triton.InferInput("x", list(ROWS.shape), "FP32")
    tensor.set_data_from_numpy(ROWS)
    await client.infer("scaled", [tensor], model_version=version)


async def test_both_transports_tell_the_same_configuration(
    scaled: Replica, client: triton.InferenceServerClient, rest: triton_http.InferenceServerClient
) -> None:
    config = (await client.get_model_config("scaled")).config
    json_config = await rest.get_model_config("scaled")

    assert (config.name, config.backend) == ("scaled", "onnxruntime")
    assert config.max_batch_size > 0
    assert list(config.input[0].dims) == json_config["input"][0]["dims"] == [4]
    assert json_config["input"][0]["data_type"] == "TYPE_FP32"
    assert json_config["model_transaction_policy"] == {"decoupled": False}
    assert json_config["version_policy"] == {"specific": {"versions": [1, 2]}}


async def test_a_model_without_a_batch_axis_has_all_its_axes_in_its_configuration(
    replica: Replica, client: triton.InferenceServerClient
) -> None:
    await replica.hold(replica.source.add("fixed", 1, onnx_models.identity(shape=(2, 4))))

    config = (await client.get_model_config("fixed")).config

    assert config.max_batch_size == 0
    assert list(config.input[0].dims) == [2, 4]


async def test_statistics_count_what_was_asked(
    scaled: Replica, client: triton.InferenceServerClient, rest: triton_http.InferenceServerClient
) -> None:
    for _ in range(4):
        await predict(client)
    with pytest.raises(InferenceServerException):
        await client.infer("scaled", [triton.InferInput("z", [0], "FP32")])

    one = (await client.get_inference_statistics("scaled", "2")).model_stats[0]
    both = await rest.get_inference_statistics("scaled")
    everything = await rest.get_inference_statistics()

    assert (one.name, one.version) == ("scaled", "2")
    assert one.inference_stats.success.count == 4
    assert one.inference_count == 12
    assert 0 < one.inference_stats.compute_infer.ns <= one.inference_stats.success.ns
    assert [(entry["version"], entry["inference_count"]) for entry in both["model_stats"]] == [
        ("1", 0),
        ("2", 12),
    ]
    assert everything == both


async def test_statistics_of_an_unknown_model_are_not_found(
    scaled: Replica, client: triton.InferenceServerClient
) -> None:
    with pytest.raises(InferenceServerException, match="no model 'nosuch'"):
        await client.get_inference_statistics("nosuch")


async def test_the_repository_lists_what_is_held_and_why_something_is_not_ready(
    scaled: Replica, client: triton.InferenceServerClient, rest: triton_http.InferenceServerClient
) -> None:
    broken = scaled.source.add("broken", 1, b"no model")
    scaled.host.want([*scaled.host.wanted, broken], whole=True)
    await scaled.until(lambda: any(holding.message for holding in scaled.host.holdings))

    index = await rest.get_model_repository_index()

    assert [(m["name"], m["version"]) for m in index] == [
        ("broken", "1"), ("scaled", "1"), ("scaled", "2"),
    ]  # fmt: skip
    assert index[1]["state"] == "READY"
    assert [
        (m.name, m.version, m.state) for m in (await client.get_model_repository_index()).models
    ][1:] == [("scaled", "1", "READY"), ("scaled", "2", "READY")]


async def test_loading_a_managed_model_brings_a_lost_artifact_back(
    scaled: Replica,
    client: triton.InferenceServerClient,
    rest: triton_http.InferenceServerClient,
    tmp_path: Path,
) -> None:
    (tmp_path / "artifacts" / scaled.host.wanted[0].digest).unlink()
    fetched = len(scaled.source.downloads)

    await client.load_model("scaled")
    await rest.load_model("scaled")

    assert len(scaled.source.downloads) == fetched + 1


async def test_a_managed_model_cannot_be_unloaded(
    scaled: Replica, client: triton.InferenceServerClient, rest: triton_http.InferenceServerClient
) -> None:
    with pytest.raises(InferenceServerException, match="the router wants scaled here") as caught:
        await client.unload_model("scaled")
    assert caught.value.status() == "StatusCode.FAILED_PRECONDITION"

    with pytest.raises(InferenceServerException, match="the router wants scaled here") as caught:
        await rest.unload_model("scaled")
    assert caught.value.status() == "409"
    await predict(client)


@pytest.mark.parametrize("call", ["load_model", "unload_model"])
async def test_a_model_that_the_router_does_not_want_is_not_found(
    scaled: Replica, client: triton.InferenceServerClient, call: str
) -> None:
    with pytest.raises(InferenceServerException, match="wants no version of 'nosuch'"):
        await getattr(client, call)("nosuch")


async def test_a_load_that_brings_a_configuration_is_refused(
    scaled: Replica, client: triton.InferenceServerClient, rest: triton_http.InferenceServerClient
) -> None:
    with pytest.raises(InferenceServerException, match="'config' is not offered"):
        await client.load_model("scaled", config="{}")
    with pytest.raises(InferenceServerException, match="'config' is not offered"):
        await rest.load_model("scaled", config="{}")


async def test_settings_are_told_and_cannot_be_changed(
    scaled: Replica, client: triton.InferenceServerClient, rest: triton_http.InferenceServerClient
) -> None:
    assert (await client.get_trace_settings()).settings["trace_level"].value == ["OFF"]
    assert (await rest.get_trace_settings("scaled"))["trace_mode"] == "opentelemetry"
    assert (await rest.get_log_settings())["log_info"] is True
    await client.update_log_settings({"log_info": True})
    await rest.update_trace_settings(settings={"trace_level": ["OFF"]})

    changes: list[tuple[Any, dict[str, Any]]] = [
        (client.update_log_settings, {"settings": {"log_verbose_level": 1}}),
        (rest.update_log_settings, {"settings": {"log_verbose_level": 1}}),
        (client.update_trace_settings, {"settings": {"trace_level": ["TIMESTAMPS"]}}),
        (rest.update_trace_settings, {"settings": {"trace_rate": "5"}}),
    ]
    for change, arguments in changes:
        with pytest.raises(InferenceServerException, match="is read at the start"):
            await change(**arguments)
    with pytest.raises(InferenceServerException, match="no setting 'colour'"):
        await client.update_log_settings({"colour": True})


def test_settings_say_what_the_process_does() -> None:
    settings = ServiceSettings(
        otlp_endpoint="http://localhost:1", trace_sample_ratio=0.01, log_level="DEBUG"
    )

    told = FixedSettings.of(settings)

    assert told.trace["trace_level"] == ("TIMESTAMPS",)
    assert told.trace["trace_rate"] == ("100",)
    assert told.log["log_verbose_level"] == 1
