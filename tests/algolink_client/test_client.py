from __future__ import annotations

import inspect
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from algolink.client import Arm, AsyncClient, Client, Metric, Outcome, Rule
from algolink.errors import (
    AlgoLinkError,
    DeadlineExceeded,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from algolink.experiment.v1 import experiment_pb2
from tests.algolink_client import fakes

ARMS = (Arm("champion", 1, 9_000), Arm("challenger", 2, 1_000))


def an_experiment(client: Client, name: str = "e-1") -> experiment_pb2.Experiment:
    client.push(b"one", name="iris")
    client.push(b"two", name="iris")
    return client.create_experiment(name, model="iris", arms=ARMS, metric=Metric("correct"))


class TestPush:
    @pytest.mark.parametrize("kind", ["path", "text", "bytes", "object"])
    def test_takes_a_path_bytes_or_a_model(self, kind: str, client: Client, tmp_path: Path) -> None:
        path = tmp_path / "iris.onnx"
        path.write_bytes(b"model")

        class Model:
            def SerializeToString(self) -> bytes:
                return b"model"

        onnx = {"path": path, "text": str(path), "bytes": b"model", "object": Model()}[kind]

        version = client.push(onnx, name="iris")  # type: ignore[arg-type]  # one of them each time

        assert version.name == "models/iris/versions/1"
        assert version.size_bytes == 5

    def test_tells_how_far_it_is(self, client: Client) -> None:
        seen: list[tuple[int, int]] = []

        client.push(bytes(2_500_000), name="iris", progress=lambda *step: seen.append(step))

        assert seen[-1] == (2_500_000, 2_500_000)
        assert len(seen) == 3

    def test_is_sent_again_whole_when_the_service_drains(
        self, client: Client, world: fakes.World
    ) -> None:
        world.failures["PushVersion"] = 2

        version = client.push(bytes(3_000_000), name="iris")

        assert version.number == 1
        assert world.calls.count("PushVersion") == 3

    def test_the_same_request_id_gives_the_same_version(self, client: Client) -> None:
        first = client.push(b"model", name="iris", request_id="build-7")
        second = client.push(b"model", name="iris", request_id="build-7")

        assert first == second

    def test_waits_until_a_champion_answers(self, client: Client, world: fakes.World) -> None:
        world.live = False

        with pytest.raises(DeadlineExceeded, match="inference-1 loads version 1") as caught:
            client.push(b"model", name="iris", wait_timeout_s=0.3)

        assert caught.value.reason == "ROUTE_NOT_LIVE"

    def test_does_not_wait_for_a_version_that_nobody_routes(
        self, client: Client, world: fakes.World
    ) -> None:
        client.push(b"one", name="iris")
        world.live = False

        assert client.push(b"two", name="iris").number == 2

    def test_a_refusal_keeps_its_reason(self, client: Client) -> None:
        with pytest.raises(InvalidArgument) as caught:
            client.push(b"", name="iris")

        assert caught.value.reason == "ARTIFACT_EMPTY"

    def test_a_file_that_is_not_there_is_an_os_error(self, client: Client, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            client.push(tmp_path / "none.onnx", name="iris")

    def test_a_bad_name_is_refused_before_anything_is_sent(
        self, client: Client, world: fakes.World
    ) -> None:
        with pytest.raises(InvalidArgument):
            client.push(b"model", name="No Good")

        assert world.calls == []


class TestPredict:
    def test_a_list_becomes_the_only_input(self, client: Client, world: fakes.World) -> None:
        client.push(b"model", name="iris")

        prediction = client.predict("iris", [[1.0, 2.0]], unit="user-1")

        np.testing.assert_array_equal(prediction.output, np.array([[2.0, 4.0]], np.float32))
        assert list(prediction.outputs) == ["y"]
        assert prediction.version == 1
        assert prediction.arm == "challenger"
        assert prediction.experiment == "e-1"
        assert prediction.request_id == "a-request"
        assert world.units == ["user-1"]

    def test_what_a_model_takes_is_asked_once(self, client: Client, world: fakes.World) -> None:
        client.push(b"model", name="iris")

        client.predict("iris", [[1.0, 2.0]])
        client.predict("iris", {"x": np.ones((3, 2))})

        assert world.calls.count("ModelMetadata") == 1

    def test_another_datatype_of_a_new_champion_is_noticed(
        self, client: Client, world: fakes.World
    ) -> None:
        client.push(b"model", name="iris")
        client.predict("iris", [[1, 2]])
        world.datatype = "INT64"

        prediction = client.predict("iris", [[1, 2]])

        assert prediction.output.tolist() == [[2, 4]]
        assert prediction.output.dtype == np.int64

    def test_an_explicit_version_is_asked_for(self, client: Client) -> None:
        client.push(b"one", name="iris")

        assert client.predict("iris", [[1.0, 2.0]], version=7).version == 7

    def test_an_unknown_input_is_named(self, client: Client) -> None:
        client.push(b"model", name="iris")

        with pytest.raises(InvalidArgument, match="it takes x") as caught:
            client.predict("iris", {"z": [[1.0, 2.0]]})

        assert caught.value.reason == "INPUT_UNKNOWN"

    def test_a_unit_that_would_be_ignored_is_refused(self, client: Client) -> None:
        client.push(b"model", name="iris")

        with pytest.raises(InvalidArgument) as caught:
            client.predict("iris", [[1.0, 2.0]], unit="two words")

        assert caught.value.reason == "UNIT_INVALID"

    def test_an_unknown_model_is_not_found(self, client: Client) -> None:
        with pytest.raises(NotFound, match="no model iris"):
            client.predict("iris", [[1.0, 2.0]])

    def test_a_request_that_may_have_arrived_is_not_sent_again(
        self, client: Client, world: fakes.World
    ) -> None:
        client.push(b"model", name="iris")
        world.failures["ModelInfer"] = 1

        with pytest.raises(Unavailable):
            client.predict("iris", [[1.0, 2.0]])

        assert world.calls.count("ModelInfer") == 1


class TestOutcomes:
    def test_an_outcome_that_arrived_unanswered_counts_once(
        self, client: Client, world: fakes.World
    ) -> None:
        world.failures["RecordOutcomes"] = 1

        response = client.outcome("user-1", "correct", 1.0)

        assert (response.accepted, response.redelivered) == (0, 1)
        assert len(world.outcomes) == 1

    def test_the_callers_event_id_and_time_are_kept(
        self, client: Client, world: fakes.World
    ) -> None:
        noon = datetime(2026, 11, 21, 12, tzinfo=UTC)

        client.outcome("user-1", "correct", 1.0, event_id="click-9", time=noon)

        assert world.outcomes["click-9"].time.ToDatetime(UTC) == noon

    def test_many_go_in_batches(self, client: Client, world: fakes.World) -> None:
        batch = [Outcome(unit=f"u-{n}", metric="correct", value=1.0) for n in range(12_000)]

        response = client.outcomes(batch)

        assert response.accepted == 12_000
        assert world.calls.count("RecordOutcomes") == 3

    def test_a_time_without_a_zone_is_refused(self, client: Client) -> None:
        with pytest.raises(InvalidArgument, match="no time zone"):
            client.outcome("u", "m", 1.0, time=datetime(2026, 11, 21))  # noqa: DTZ001 - the point


class TestExperiments:
    def test_a_draft_is_what_was_asked_for(self, client: Client) -> None:
        client.push(b"one", name="iris")

        made = client.create_experiment(
            "e-1", model="iris", arms=ARMS, metric=Metric("correct"), rule=Rule(min_phases=2)
        )

        assert made.name == "experiments/e-1"
        assert made.model == "models/iris"
        assert [(arm.id, arm.version, arm.weight_bp) for arm in made.arms] == [
            ("champion", 1, 9_000),
            ("challenger", 2, 1_000),
        ]
        assert made.primary_metric.aggregation == experiment_pb2.AGGREGATION_MEAN
        assert made.unit == experiment_pb2.UNIT_KIND_HEADER
        assert made.rule.min_phases == 2
        assert not made.HasField("analysis")

    def test_an_unknown_choice_is_refused_with_the_choices(self, client: Client) -> None:
        with pytest.raises(InvalidArgument, match="any, sum, mean"):
            client.create_experiment(
                "e-1", model="iris", arms=ARMS, metric=Metric("m", aggregation="median")
            )

    def test_start_ramp_and_conclude_wait_for_the_route(self, client: Client) -> None:
        an_experiment(client)

        started = client.start_experiment("e-1")
        ramped = client.ramp_experiment("e-1", {"champion": 5_000, "challenger": 5_000})
        concluded = client.conclude_experiment("e-1", winner="challenger")

        assert started.state == experiment_pb2.STATE_RUNNING
        assert [arm.weight_bp for arm in ramped.arms] == [5_000, 5_000]
        assert concluded.state == experiment_pb2.STATE_CONCLUDED
        assert client.route("iris").champion_version == 2

    def test_a_start_that_is_not_live_in_time_says_so(
        self, client: Client, world: fakes.World
    ) -> None:
        an_experiment(client)
        world.live = False

        with pytest.raises(DeadlineExceeded, match="experiments/e-1"):
            client.start_experiment("e-1", wait_timeout_s=0.3)

    def test_weights_that_do_not_sum_up_are_not_sent(
        self, client: Client, world: fakes.World
    ) -> None:
        with pytest.raises(InvalidArgument, match="9999") as caught:
            client.ramp_experiment("e-1", {"champion": 9_999})

        assert caught.value.reason == "WEIGHTS_INVALID"
        assert world.calls == []

    def test_no_decision_keeps_its_reason(self, client: Client) -> None:
        an_experiment(client)

        with pytest.raises(FailedPrecondition) as caught:
            client.conclude_experiment("e-1")

        assert caught.value.reason == "NO_DECISION"

    def test_stopping_a_draft_waits_for_nothing(self, client: Client, world: fakes.World) -> None:
        an_experiment(client)
        world.live = False
        client.stop_experiment("e-1", wait=False)

        assert client.experiment("e-1").state == experiment_pb2.STATE_STOPPED


class TestAnswers:
    def test_lists_are_read_to_the_last_page(self, client: Client, world: fakes.World) -> None:
        world.page_size = 2
        for name in ("a", "b", "c", "d", "e"):
            client.push(b"model", name=name)

        assert [model.name for model in client.models()] == [f"models/{n}" for n in "abcde"]

    def test_names_may_be_short_or_whole(self, client: Client) -> None:
        client.push(b"model", name="iris")

        assert client.model("iris") == client.model("models/iris")

    def test_an_error_carries_reason_message_and_values(self, client: Client) -> None:
        with pytest.raises(NotFound) as caught:
            client.model("iris")

        assert caught.value.reason == "MODEL_NOT_FOUND"
        assert caught.value.message == "no model models/iris"
        assert caught.value.metadata == {"name": "models/iris"}

    def test_a_wrong_token_is_unauthenticated(self, endpoint: str) -> None:
        with Client(endpoint, token="wrong") as client, pytest.raises(Unauthenticated):
            client.models()

    def test_where_nothing_listens_it_says_what_to_do(self) -> None:
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            endpoint = f"127.0.0.1:{holder.getsockname()[1]}"

            with Client(endpoint) as client, pytest.raises(Unavailable) as caught:
                client.models()

        assert caught.value.reason == "ENDPOINT_UNREACHABLE"
        assert "is `algolink up` running?" in caught.value.message

    def test_a_silent_service_is_given_up_at_the_timeout(
        self, endpoint: str, world: fakes.World
    ) -> None:
        world.failures["ListModels"] = 1_000

        with (
            Client(endpoint, token=fakes.TOKEN, timeout_s=0.5) as client,
            pytest.raises(AlgoLinkError) as caught,
        ):
            client.models()

        assert caught.value.code in {"UNAVAILABLE", "DEADLINE_EXCEEDED"}


class TestAsyncClient:
    async def test_does_what_the_blocking_one_does(self, endpoint: str) -> None:
        async with AsyncClient(endpoint, data_endpoint=endpoint, token=fakes.TOKEN) as client:
            await client.push(b"one", name="iris")
            await client.push(b"two", name="iris")
            prediction = await client.predict("iris", [[1.0, 2.0]], unit="user-1")
            recorded = await client.outcome("user-1", "correct", 1.0)
            await client.create_experiment("e-1", model="iris", arms=ARMS, metric=Metric("correct"))
            await client.start_experiment("e-1")
            concluded = await client.conclude_experiment("e-1", winner="challenger")
            routes = await client.routes()
            models = await client.models()

        assert prediction.output.tolist() == [[2.0, 4.0]]
        assert recorded.accepted == 1
        assert concluded.verdict.winner == "challenger"
        assert [route.champion_version for route in routes] == [2]
        assert [model.name for model in models] == ["models/iris"]

    async def test_errors_and_retries_are_the_same(self, endpoint: str, world: fakes.World) -> None:
        world.failures["GetModel"] = 1

        async with AsyncClient(endpoint, token=fakes.TOKEN) as client:
            with pytest.raises(NotFound) as caught:
                await client.model("iris")

        assert caught.value.reason == "MODEL_NOT_FOUND"
        assert world.calls.count("GetModel") == 2

    async def test_a_push_is_sent_again_whole(self, endpoint: str, world: fakes.World) -> None:
        world.failures["PushVersion"] = 1

        async with AsyncClient(endpoint, token=fakes.TOKEN) as client:
            version = await client.push(bytes(3_000_000), name="iris")

        assert version.size_bytes == 3_000_000

    def test_both_clients_have_the_same_surface(self) -> None:
        def surface(kind: type) -> dict[str, str]:
            return {
                name: str(inspect.signature(method))
                for name, method in vars(kind).items()
                if callable(method) and not name.startswith("_")
            }

        assert surface(Client) == surface(AsyncClient)


def test_importing_the_client_is_light() -> None:
    heavy = {"numpy", "tritonclient", "pydantic", "sqlalchemy", "onnxruntime"}
    script = f"import sys, algolink.client; sys.exit(bool({heavy!r} & sys.modules.keys()))"

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
