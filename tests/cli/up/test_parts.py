from __future__ import annotations

import hashlib
import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from algolink.errors import FailedPrecondition
from cli.up import children, leftovers, logs, ports, tokens
from cli.up.layout import DataFolder


class TestPorts:
    def test_each_name_gets_a_port_of_its_own(self) -> None:
        chosen = ports.allot(["a", "b", "c"], {})

        assert len(set(chosen.values())) == 3

    def test_a_remembered_port_is_kept_unless_it_is_taken(self) -> None:
        (free,) = ports.allot(["a"], {}).values()
        with socket.create_server(("127.0.0.1", 0)) as server:
            taken = server.getsockname()[1]

            chosen = ports.allot(["a", "b"], {"a": free, "b": taken})

        assert chosen["a"] == free
        assert chosen["b"] != taken

    def test_a_port_in_use_is_refused_with_the_option_to_change(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]

            with pytest.raises(FailedPrecondition, match="--port") as caught:
                ports.require_free(port, "--port")

        assert caught.value.reason == "PORT_IN_USE"
        ports.require_free(port, "--port")

    @pytest.mark.parametrize("content", ["", "[]", "{", '{"a": "b"}', '{"a": 70000}'])
    def test_damaged_memory_is_no_memory(self, content: str, tmp_path: Path) -> None:
        (tmp_path / "ports.json").write_text(content)

        assert ports.recall(tmp_path / "ports.json") == {}

    def test_what_was_remembered_comes_back(self, tmp_path: Path) -> None:
        ports.remember(tmp_path / "ports.json", {"a": 1234})

        assert ports.recall(tmp_path / "ports.json") == {"a": 1234}


class TestDataFolder:
    def test_two_cannot_hold_it(self, tmp_path: Path) -> None:
        folder = DataFolder(tmp_path)

        with folder.locked(), pytest.raises(FailedPrecondition) as caught, folder.locked():
            pass

        assert caught.value.reason == "DATA_FOLDER_IN_USE"
        assert caught.value.metadata["pid"] == str(os.getpid())
        with folder.locked():
            pass

    def test_the_command_refuses_a_folder_that_is_held(self, tmp_path: Path) -> None:
        with DataFolder(tmp_path).locked():
            done = subprocess.run(
                [sys.executable, "-m", "cli.main", "up", "--data-dir", str(tmp_path),
                 "--port", "0", "--admin-port", "0"],
                capture_output=True, text=True, check=False,
            )  # fmt: skip

        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert f"pid {os.getpid()}" in done.stderr
        assert "[DATA_FOLDER_IN_USE]" in done.stderr

    def test_one_that_cannot_be_written_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        with pytest.raises(FailedPrecondition, match="file/data") as caught:
            DataFolder(tmp_path / "file" / "data").create()

        assert caught.value.reason == "DATA_FOLDER_NOT_WRITABLE"

    def test_how_to_connect_is_for_the_owner_alone(self, tmp_path: Path) -> None:
        folder = DataFolder(tmp_path)

        folder.write_connection(admin_endpoint="a:1", data_endpoint="d:2", token="t")

        written = json.loads(folder.connection_file.read_text())
        assert written == {"admin_endpoint": "a:1", "data_endpoint": "d:2", "token": "t"}
        assert stat.S_IMODE(folder.connection_file.stat().st_mode) == 0o600
        assert [path.name for path in tmp_path.iterdir()] == ["connection.json"]
        folder.remove_connection()
        folder.remove_connection()
        assert not folder.connection_file.exists()


class TestTokens:
    def test_they_are_made_once_and_only_their_digests_are_listed(self, tmp_path: Path) -> None:
        first = tokens.ensure(tmp_path)
        admin, service = first.admin_token(), first.service.read_text().strip()

        again = tokens.ensure(tmp_path)

        assert again.admin_token() == admin
        assert first.accepted.read_text() == (
            f"admin admin {hashlib.sha256(admin.encode()).hexdigest()}\n"
            f"service service {hashlib.sha256(service.encode()).hexdigest()}\n"
        )
        assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}

    def test_a_token_that_somebody_added_stays_accepted(self, tmp_path: Path) -> None:
        accepted = tokens.ensure(tmp_path).accepted
        with accepted.open("a") as file:
            file.write(f"ci admin {'0' * 64}\n")

        tokens.ensure(tmp_path)

        assert f"ci admin {'0' * 64}" in accepted.read_text()


class TestChildren:
    @pytest.fixture(params=[None, Path("tritonserver")], ids=["ours", "triton"])
    def specs(
        self, tmp_path: Path, request: pytest.FixtureRequest
    ) -> dict[str, children.ChildSpec]:
        folder = DataFolder(tmp_path)
        chosen = {name: 20_000 + n for n, name in enumerate(children.internal_ports(2))}
        found = children.specs(
            folder,
            tokens.ensure(tmp_path),
            chosen,
            replicas=2,
            data_port=9000,
            admin_port=9001,
            parent_pid=77,
            triton=request.param,
        )
        return {spec.name: spec for spec in found}

    def test_envoy_drains_before_anything_behind_it_stops(
        self, specs: dict[str, children.ChildSpec]
    ) -> None:
        order = sorted(specs.values(), key=lambda spec: spec.stop_stage)

        assert [spec.name for spec in order] == [
            "mesh", "inference-1", "inference-2", "router", "experiment", "registry"
        ]  # fmt: skip

    def test_no_two_listen_on_the_same_port(self, specs: dict[str, children.ChildSpec]) -> None:
        listening = [
            value
            for spec in specs.values()
            for key, value in spec.environment.items()
            if key.endswith("LISTEN")
        ]

        assert len(listening) == len(set(listening))

    def test_everybody_finds_the_control_services_and_dies_with_the_parent(
        self, specs: dict[str, children.ChildSpec]
    ) -> None:
        for spec in specs.values():
            assert spec.environment["ALGOLINK_PARENT_PID"] == "77"
            for service in children.CONTROL:
                key = f"ALGOLINK_{service.upper()}_ADDRESS"
                assert spec.environment[key] == specs[service].health_address

    def test_replicas_share_nothing(self, specs: dict[str, children.ChildSpec]) -> None:
        one, two = (specs[name].environment for name in children.replica_names(2))

        listening = {key for key in one if key.endswith("LISTEN")}
        for key in {"ALGOLINK_REPLICA_ID", "ALGOLINK_CACHE_DIR"} | listening:
            assert one[key] != two[key]
        assert len(listening) in (3, 4)


class TestLogs:
    def test_the_last_words_are_those_of_this_start(self, tmp_path: Path) -> None:
        path = tmp_path / "child.log"
        path.write_text("old words\n")
        since = path.stat().st_size

        assert logs.last_words(path, since) == ""
        with path.open("a") as file:
            file.write("first\nthe reason\n\n")
        assert logs.last_words(path, since) == "the reason"

    def test_a_log_that_has_grown_is_put_aside(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(logs, "ROTATE_BYTES", 3)
        path = tmp_path / "child.log"
        path.write_text("long")

        os.close(logs.open_log(path))

        assert path.read_text() == ""
        assert (tmp_path / "child.log.1").read_text() == "long"


class TestLeftovers:
    def test_only_processes_of_this_folder_are_ended(self, tmp_path: Path) -> None:
        sleep = [sys.executable, "-c", "import signal; signal.pause()"]

        def started(root: Path) -> subprocess.Popen[bytes]:
            return subprocess.Popen(sleep, env={**os.environ, leftovers.MARK: str(root)})

        with started(tmp_path / "mine") as mine, started(tmp_path / "others") as others:
            try:
                found = leftovers.find(tmp_path / "mine")
                ended = leftovers.end(tmp_path / "mine", grace_s=10)

                assert found == [mine.pid]
                assert ended == 1
                assert mine.wait(10) != 0
                assert others.poll() is None
            finally:
                mine.kill()
                others.kill()
