"""Commands that ask a real registry what it remembers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.registry_svc import served


@pytest.fixture
def registry(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    """Runs a command line that finds a real registry with two versions of iris."""
    with served.serving(tmp_path) as endpoint:
        monkeypatch.setenv("ALGOLINK_ENDPOINT", endpoint)
        monkeypatch.setenv("ALGOLINK_DATA_ENDPOINT", endpoint)
        monkeypatch.setenv("ALGOLINK_TOKEN", served.TOKEN)
        monkeypatch.setenv("ALGOLINK_DATA_DIR", str(tmp_path / "nothing"))
        for number in (1, 2):
            push(run, tmp_path, f"iris {number}")
        yield run


def push(run: Run, folder: Path, content: str, *options: str) -> None:
    file = folder / "model.onnx"
    file.write_text(content)
    done = run("model", "push", str(file), "--name", "iris", "--no-wait", *options)
    assert done.status == 0, done.err


class TestHistory:
    def test_a_rollback_is_one_more_move(self, registry: Run) -> None:
        registry("model", "alias", "iris", "champion", "2", "--reason", "better", "--no-wait")

        rolled_back = registry("model", "rollback", "iris", "--reason", "errors", "--no-wait")
        moves = json.loads(registry("model", "history", "iris", "-o", "json").out)
        shown = registry("model", "history", "iris", "--alias", "champion").out

        assert rolled_back.status == 0, rolled_back.err
        assert [(m["version"], m["mover"], m["reason"]) for m in moves] == [
            ("1", "ann", "errors"),
            ("2", "ann", "better"),
            ("1", "ann", ""),
        ]
        assert "errors; rollback to move 1" in shown

    def test_the_champion_of_a_moment_is_shown(self, registry: Run) -> None:
        before = json.loads(registry("model", "alias", "iris", "champion", "-o", "json").out)
        registry("model", "alias", "iris", "champion", "2", "--no-wait")

        then = registry("model", "alias", "iris", "champion", "--at", before["commit_time"])
        now = json.loads(registry("model", "alias", "iris", "champion", "-o", "json").out)

        assert "moved by" in then.out
        assert (before["version"], now["version"]) == ("1", "2")

    def test_nothing_was_there_before_the_first_push(self, registry: Run) -> None:
        done = registry("model", "alias", "iris", "champion", "--at", "2020-01-01T00:00")

        assert done.status == 1
        assert "had no alias 'champion' at 2020-01-01T00:00:00+00:00 [ALIAS_NOT_SET]" in done.err

    @pytest.mark.parametrize(
        "arguments", [("2", "--at", "2020-01-01"), ("--at", "yesterday")], ids=["both", "no time"]
    )
    def test_a_question_that_cannot_be_is_a_misuse(
        self, registry: Run, arguments: tuple[str, ...]
    ) -> None:
        assert registry("model", "alias", "iris", "champion", *arguments).status == 2


class TestLifecycle:
    def test_a_version_is_annotated_and_retires(self, registry: Run) -> None:
        noted = registry(
            "model", "annotate", "iris", "2", "--tag", "team=fraud", "--metric", "auc=0.93"
        )
        archived = registry("model", "archive", "iris", "2", "--reason", "old")
        shown = registry("model", "show", "iris", "2")
        deleted = registry("model", "delete", "iris", "2")
        listed = json.loads(registry("model", "versions", "iris", "-o", "json").out)
        all_versions = registry("model", "versions", "iris", "--deleted").out
        restored = registry("model", "restore", "iris", "2")

        assert "metric auc" in noted.out
        assert "archived since" in archived.out
        assert "old" in shown.out
        assert "restorable until" in deleted.out
        assert [version["number"] for version in listed] == ["1"]
        assert "deleted" in all_versions
        assert "ready since" in restored.out

    def test_what_an_alias_names_is_not_archived(self, registry: Run) -> None:
        done = registry("model", "archive", "iris", "1")

        assert done.status == 1
        assert "champion" in done.err
        assert "[VERSION_IN_USE]" in done.err

    def test_a_deprecated_version_still_can_be_champion(self, registry: Run) -> None:
        registry("model", "deprecate", "iris", "2")

        assert registry("model", "alias", "iris", "champion", "2", "--no-wait").status == 0

    @pytest.mark.parametrize("metric", ["auc", "auc=high", "=1"])
    def test_a_metric_is_a_name_and_a_number(self, registry: Run, metric: str) -> None:
        assert registry("model", "annotate", "iris", "1", "--metric", metric).status == 2

    def test_no_metric_is_nan(self, registry: Run) -> None:
        assert (
            "METRIC_NOT_FINITE"
            in registry("model", "annotate", "iris", "1", "--metric", "auc=nan").err
        )


class TestCompare:
    def test_versions_of_the_same_signature_can_stand_in(self, registry: Run) -> None:
        done = registry("model", "compare", "iris", "1", "2")

        assert done.out.strip() == "models/iris/versions/2 can stand in for models/iris/versions/1."

    def test_what_differs_is_shown(self, registry: Run, tmp_path: Path) -> None:
        push(registry, tmp_path, "a wide one")

        done = registry("model", "compare", "iris", "1", "3")

        assert "cannot stand in" in done.out
        assert "x FP32(?, 8)" in done.out
        assert "does not take all that callers send" in done.out


class TestAudit:
    def test_an_export_is_verified_without_the_registry(
        self, registry: Run, tmp_path: Path
    ) -> None:
        file = tmp_path / "audit.jsonl"
        file.write_text(registry("audit", "export").out)

        done = registry("audit", "verify", "--file", str(file), "-o", "json")

        assert done.status == 0, done.err
        assert json.loads(done.out)["sealed"] + json.loads(done.out)["unsealed"] == 4

    def test_an_export_that_was_changed_shows(self, registry: Run, tmp_path: Path) -> None:
        file = tmp_path / "audit.jsonl"
        lines = registry("audit", "export").out.splitlines()
        file.write_text("\n".join([lines[0], *lines[2:]]))

        done = registry("audit", "verify", "--file", str(file))

        assert done.status == 1
        assert "AUDIT_CHAIN_BROKEN" in done.err

    def test_a_file_that_is_no_export_is_refused(self, registry: Run, tmp_path: Path) -> None:
        file = tmp_path / "audit.jsonl"
        file.write_text("no\n")

        assert "EXPORT_INVALID" in registry("audit", "verify", "--file", str(file)).err

    def test_the_chain_is_whole_and_goes_on_from_what_is_known(self, registry: Run) -> None:
        until_sealed(registry, 4)
        head = json.loads(registry("audit", "verify", "-o", "json").out)["head_hash"]
        registry("model", "deprecate", "iris", "2")

        shown = registry("audit", "verify", "--known", f"4:{head}")
        other = registry("audit", "verify", "--known", f"4:{'0' * 64}")

        assert "whole" in shown.out
        assert "AUDIT_CHAIN_BROKEN" in other.err
        assert registry("audit", "verify", "--known", "4").status == 2


def until_sealed(run: Run, count: int) -> None:
    """Returns once the sealer has caught up; the suite's timeout is the limit."""
    while json.loads(run("audit", "status", "-o", "json").out)["newest_sealed"] != str(count):
        pass
