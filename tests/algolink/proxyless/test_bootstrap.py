from __future__ import annotations

import json

import pytest

from algolink.client.connection import Connection
from algolink.errors import FailedPrecondition
from algolink.proxyless import bootstrap

HERE = Connection(admin_endpoint="127.0.0.1:9001", token="sesame")


def test_grpc_is_told_where_the_router_is_and_who_asks() -> None:
    environment: dict[str, str] = {}

    bootstrap.install(HERE, "app-1", environment)

    told = json.loads(environment["GRPC_XDS_BOOTSTRAP_CONFIG"])
    assert told["xds_servers"][0]["server_uri"] == "dns:///127.0.0.1:9001"
    assert told["node"]["id"] == "app-1"
    assert told["node"]["metadata"] == {"algolink.token": "sesame"}


def test_a_second_client_of_the_same_router_changes_nothing() -> None:
    environment: dict[str, str] = {}
    bootstrap.install(HERE, "app-1", environment)
    before = dict(environment)

    bootstrap.install(HERE, "app-2", environment)

    assert environment == before


def test_one_process_has_one_router() -> None:
    environment: dict[str, str] = {}
    bootstrap.install(HERE, "app-1", environment)

    with pytest.raises(FailedPrecondition) as caught:
        bootstrap.install(Connection(admin_endpoint="10.0.0.1:9001"), "app-2", environment)

    assert caught.value.reason == "BOOTSTRAP_DIFFERS"


@pytest.mark.parametrize(
    "environment",
    [{"GRPC_XDS_BOOTSTRAP": "/etc/xds.json"}, {"GRPC_XDS_BOOTSTRAP_CONFIG": '{"node": {}}'}],
)
def test_a_bootstrap_of_the_callers_own_stays(environment: dict[str, str]) -> None:
    before = dict(environment)

    bootstrap.install(HERE, "app-1", environment)

    assert environment == before


def test_no_two_processes_have_one_id() -> None:
    assert bootstrap.a_node() != bootstrap.a_node()
    assert "#" not in bootstrap.a_node()
    assert len(bootstrap.a_node()) <= 128
