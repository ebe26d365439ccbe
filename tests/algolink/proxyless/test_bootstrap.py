from __future__ import annotations

import json
from pathlib import Path

import pytest

from algolink.client.connection import Connection
from algolink.errors import FailedPrecondition
from algolink.proxyless import bootstrap

HERE = Connection(admin_endpoint="127.0.0.1:9001", token="sesame")
ELSEWHERE = Connection(admin_endpoint="10.0.0.1:9001")


def test_grpc_is_told_where_the_router_is_and_who_asks(tmp_path: Path) -> None:
    environment: dict[str, str] = {}

    bootstrap.install(HERE, "app-1", tmp_path, environment)

    file = Path(environment["GRPC_XDS_BOOTSTRAP"])
    told = json.loads(file.read_text())
    assert told["xds_servers"][0]["server_uri"] == "dns:///127.0.0.1:9001"
    assert told["node"]["id"] == "app-1"
    assert told["node"]["metadata"]["algolink.token"] == "sesame"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "sesame" not in str(environment)


def test_a_second_client_of_the_same_router_changes_nothing(tmp_path: Path) -> None:
    environment: dict[str, str] = {}
    bootstrap.install(HERE, "app-1", tmp_path, environment)
    before = (tmp_path / bootstrap.FILE_NAME).read_text()

    bootstrap.install(HERE, "app-2", tmp_path, environment)

    assert (tmp_path / bootstrap.FILE_NAME).read_text() == before


def test_one_process_has_one_router(tmp_path: Path) -> None:
    environment: dict[str, str] = {}
    bootstrap.install(HERE, "app-1", tmp_path, environment)

    with pytest.raises(FailedPrecondition) as caught:
        bootstrap.install(ELSEWHERE, "app-2", tmp_path, environment)

    assert caught.value.reason == "BOOTSTRAP_DIFFERS"


def test_what_a_parent_was_told_does_not_bind_its_child(tmp_path: Path) -> None:
    parents = tmp_path / "parent.json"
    told = json.loads(bootstrap.content(ELSEWHERE, "parent"))
    told["node"]["metadata"]["algolink.process"] = "1"
    parents.write_text(json.dumps(told))
    environment = {"GRPC_XDS_BOOTSTRAP": str(parents)}

    bootstrap.install(HERE, "child", tmp_path, environment)

    assert json.loads(Path(environment["GRPC_XDS_BOOTSTRAP"]).read_text())["node"]["id"] == "child"


@pytest.mark.parametrize("variable", ["GRPC_XDS_BOOTSTRAP", "GRPC_XDS_BOOTSTRAP_CONFIG"])
@pytest.mark.parametrize("content", ['{"node": {"id": "mine"}}', "not even JSON"])
def test_a_bootstrap_of_the_callers_own_stays(variable: str, content: str, tmp_path: Path) -> None:
    own = tmp_path / "own.json"
    own.write_text(content)
    environment = {variable: str(own) if variable == "GRPC_XDS_BOOTSTRAP" else content}
    before = dict(environment)

    bootstrap.install(HERE, "app-1", tmp_path, environment)

    assert environment == before


def test_no_two_processes_have_one_id() -> None:
    assert bootstrap.a_node() != bootstrap.a_node()
    assert "#" not in bootstrap.a_node()
    assert len(bootstrap.a_node()) <= 128
