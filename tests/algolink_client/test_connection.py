from __future__ import annotations

import json
from pathlib import Path

import pytest

from algolink.client.connection import CONNECTION_FILE, default_data_dir, resolve
from algolink.errors import FailedPrecondition, InvalidArgument


@pytest.fixture
def written(tmp_path: Path) -> Path:
    tmp_path.joinpath(CONNECTION_FILE).write_text(
        json.dumps(
            {"admin_endpoint": "127.0.0.1:7001", "data_endpoint": "127.0.0.1:7000", "token": "t"}
        )
    )
    return tmp_path


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    connection = resolve(data_dir=tmp_path, environment={})

    assert connection.admin_endpoint == "127.0.0.1:9001"
    assert connection.data_endpoint == "127.0.0.1:9000"
    assert connection.token is None


def test_what_up_wrote_replaces_the_defaults(written: Path) -> None:
    connection = resolve(environment={"ALGOLINK_DATA_DIR": str(written)})

    assert connection.admin_endpoint == "127.0.0.1:7001"
    assert connection.data_endpoint == "127.0.0.1:7000"
    assert connection.token == "t"


def test_the_environment_goes_before_the_file_and_arguments_before_both(written: Path) -> None:
    environment = {"ALGOLINK_ENDPOINT": "127.0.0.1:1", "ALGOLINK_TOKEN": "from-environment"}

    from_environment = resolve(data_dir=written, environment=environment)
    from_arguments = resolve(
        "127.0.0.1:2", data_dir=written, token="from-argument", environment=environment
    )

    assert from_environment.admin_endpoint == "127.0.0.1:1"
    assert from_environment.token == "from-environment"
    assert from_arguments.admin_endpoint == "127.0.0.1:2"
    assert from_arguments.token == "from-argument"


def test_the_local_token_is_not_sent_to_another_machine(written: Path) -> None:
    elsewhere = resolve("gateway.example:9001", data_dir=written, environment={})
    at_home = resolve("localhost:9001", data_dir=written, environment={})

    assert elsewhere.token is None
    assert at_home.token == "t"


@pytest.mark.parametrize("endpoint", ["nowhere", "host:", ":9001", "h:0", "h:70000", "http://h:1"])
def test_an_endpoint_that_is_none_is_refused(endpoint: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument) as caught:
        resolve(endpoint, data_dir=tmp_path, environment={})

    assert caught.value.reason == "ENDPOINT_INVALID"


@pytest.mark.parametrize("content", ["{", "[]", '{"token": 1}'])
def test_a_damaged_file_is_named(content: str, tmp_path: Path) -> None:
    tmp_path.joinpath(CONNECTION_FILE).write_text(content)

    with pytest.raises(FailedPrecondition, match=CONNECTION_FILE) as caught:
        resolve(data_dir=tmp_path, environment={})

    assert caught.value.reason == "CONNECTION_FILE_INVALID"


def test_the_token_is_not_in_the_representation(written: Path) -> None:
    assert "token" not in repr(resolve(data_dir=written, environment={}))


def test_the_default_folder_follows_the_xdg_rules() -> None:
    assert default_data_dir({"XDG_DATA_HOME": "/x"}) == Path("/x/algolink")
    assert default_data_dir({}) == Path.home() / ".local/share/algolink"
