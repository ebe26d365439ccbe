"""The exposure log on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from algolink.spool.checkpoint import Checkpoint, Position, Progress
from algolink.spool.log_files import LogFiles


@pytest.fixture
def log(tmp_path: Path) -> LogFiles:
    return LogFiles(tmp_path / "exposure.log")


def read_all(log: LogFiles, after: Position | None = None, *, limit: int = 2) -> list[bytes]:
    found: list[bytes] = []
    while (batch := log.next_batch(after, limit=limit)) is not None:
        found += batch.lines
        after = batch.end
    return found


def test_there_is_nothing_before_envoy_writes(log: LogFiles) -> None:
    assert log.next_batch(None, limit=10) is None
    assert log.lag_bytes(None) == 0


def test_lines_come_in_order_and_in_batches(log: LogFiles) -> None:
    log.path.write_bytes(b"1\n2\n3\n")

    first = log.next_batch(None, limit=2)

    assert first is not None
    assert first.lines == [b"1", b"2"]
    assert read_all(log, first.end) == [b"3"]
    assert log.lag_bytes(first.end) == 2


def test_an_incomplete_last_line_waits_for_its_end(log: LogFiles) -> None:
    log.path.write_bytes(b"1\n2")
    first = log.next_batch(None, limit=10)
    assert first is not None
    assert first.lines == [b"1"]
    assert log.next_batch(first.end, limit=10) is None

    with log.path.open("ab") as file:
        file.write(b"2\n")

    assert read_all(log, first.end) == [b"22"]


def test_reading_goes_on_after_a_rotation(log: LogFiles) -> None:
    log.path.write_bytes(b"1\n2\n")
    first = log.next_batch(None, limit=1)
    assert first is not None

    assert log.rotate(over_bytes=3)
    log.path.write_bytes(b"3\n")

    assert read_all(log, first.end) == [b"2", b"3"]


def test_until_the_new_file_is_there_the_old_one_may_grow(log: LogFiles) -> None:
    log.path.write_bytes(b"1\n")
    log.rotate(over_bytes=1)
    first = log.next_batch(None, limit=10)
    assert first is not None
    [rotated] = log.path.parent.glob("exposure.log.*")

    with rotated.open("ab") as file:
        file.write(b"2\n3")
    assert read_all(log, first.end) == [b"2"]
    log.path.write_bytes(b"4\n")

    assert read_all(log, first.end) == [b"2", b"3", b"4"]


def test_envoy_is_asked_again_until_it_opens_the_path_anew(log: LogFiles) -> None:
    log.path.write_bytes(b"1\n")

    assert not log.rotate(over_bytes=2)
    assert log.rotate(over_bytes=1)
    assert log.rotate(over_bytes=1)
    log.path.touch()
    assert not log.rotate(over_bytes=1)


def test_rotated_files_keep_their_order(log: LogFiles) -> None:
    for number in range(12):
        log.path.write_bytes(b"%d\n" % number)
        log.rotate(over_bytes=1)
    log.path.write_bytes(b"12\n")

    assert read_all(log) == [b"%d" % number for number in range(13)]


def test_only_what_lies_before_the_position_is_deleted(log: LogFiles) -> None:
    positions = []
    for number in range(3):
        log.path.write_bytes(b"%d\n" % number)
        positions.append(Position(log.path.stat().st_ino, 2))
        log.rotate(over_bytes=1)

    log.delete_before(Position(inode=1, offset=0))
    assert len(list(log.path.parent.iterdir())) == 3
    log.delete_before(positions[1])

    assert read_all(log) == [b"1", b"2"]


def test_a_position_in_no_file_starts_over(log: LogFiles) -> None:
    log.path.write_bytes(b"1\n2\n")

    assert read_all(log, Position(inode=1, offset=2)) == [b"1", b"2"]


def test_a_position_beyond_the_end_is_of_another_file(log: LogFiles) -> None:
    log.path.write_bytes(b"1\n")

    assert read_all(log, Position(log.path.stat().st_ino, 500)) == [b"1"]


def test_a_torn_line_is_set_apart_before_envoy_writes_on(log: LogFiles) -> None:
    log.path.write_bytes(b"1\n2 tor")

    log.close_torn_line()
    with log.path.open("ab") as file:
        file.write(b"3\n")

    assert read_all(log) == [b"1", b"2 tor", b"3"]


def test_a_whole_file_is_left_as_it_is(log: LogFiles) -> None:
    log.close_torn_line()
    log.path.write_bytes(b"1\n")

    log.close_torn_line()

    assert list(log.path.parent.iterdir()) == [log.path]


def test_a_checkpoint_is_what_was_saved_last(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "checkpoint.json")
    assert checkpoint.load() == Progress()

    checkpoint.save(Position(7, 8))
    checkpoint.save(Position(7, 9), {"digits-1": 3})

    assert Checkpoint(tmp_path / "checkpoint.json").load() == Progress(
        Position(7, 9), {"digits-1": 3}
    )


@pytest.mark.parametrize("content", ["", "{", "[]", '{"inode": 1}', '{"inode": 1, "offset": null}'])
def test_an_unreadable_checkpoint_counts_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "checkpoint.json").write_text(content)

    assert Checkpoint(tmp_path / "checkpoint.json").load() == Progress()
