"""Models from one installation into another, and archives that somebody touched."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from algolink.client import Client, archive
from algolink.errors import FailedPrecondition, InvalidArgument
from algolink.registry.v1 import registry_pb2 as pb
from tests.registry_svc import served

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
TRUSTED = [KEY.public_key()]


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, Client]]:
    """Two installations: where models come from, and where they go."""
    folders = tmp_path_factory.mktemp("development"), tmp_path_factory.mktemp("production")
    with (
        served.serving(folders[0]) as here,
        served.serving(folders[1]) as there,
        Client(here, data_endpoint=here, token=served.TOKEN) as development,
        Client(there, data_endpoint=there, token=served.TOKEN) as production,
    ):
        yield development, production


def push(client: Client, name: str, content: bytes, **more: object) -> pb.Version:
    return client.push(content, name=name, wait=False, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def exported(clients: tuple[Client, Client], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with three versions, one of which is a folder, and two aliases."""
    development, _ = clients
    folder = tmp_path_factory.mktemp("folder")
    (folder / "model.onnx").write_bytes(b"a net")
    (folder / "weights.bin").write_bytes(b"its weights")
    push(development, "digits", b"first", description="the first", metrics={"auc": 0.9})
    development.push(folder, name="digits", wait=False, tags={"team": "fraud"})
    push(development, "digits", b"third")
    development.set_alias("digits", "champion", 2, reason="better", wait=False)
    development.set_alias("digits", "nightly", 3, wait=False)
    development.lifecycle.deprecate("digits", 1, reason="old")
    path = tmp_path_factory.mktemp("archive") / "digits.algolink"
    development.archives.export("digits", path, KEY)
    return path


def aliases(client: Client, name: str) -> dict[str, int]:
    return {alias: at.version for alias, at in client.model(name).aliases.items()}


def test_a_model_arrives_with_all_that_belongs_to_it(
    clients: tuple[Client, Client], exported: Path, tmp_path: Path
) -> None:
    _, production = clients

    imported = production.archives.load(exported, TRUSTED)

    first, second, third = reversed(production.versions("digits"))
    assert imported.numbers == {1: 1, 2: 2, 3: 3}
    assert aliases(production, "digits") == {"champion": 2, "nightly": 3}
    assert (first.description, dict(first.metrics)) == ("the first", {"auc": 0.9})
    assert (first.state, first.state_reason) == (pb.VERSION_STATE_DEPRECATED, "old")
    assert dict(second.tags) == {"team": "fraud", "imported-from": "digits/2"}
    production.artifacts.pull("digits", 2, tmp_path / "pulled")
    assert (tmp_path / "pulled" / "weights.bin").read_bytes() == b"its weights"
    assert third.state == pb.VERSION_STATE_READY


def test_importing_again_changes_nothing(clients: tuple[Client, Client], exported: Path) -> None:
    _, production = clients
    production.archives.load(exported, TRUSTED, name="twice")
    before = production.model("twice"), production.versions("twice")

    again = production.archives.load(exported, TRUSTED, name="twice")

    assert (production.model("twice"), production.versions("twice")) == before
    assert again.aliases == {}


def test_lineage_arrives_in_the_names_of_where_it_arrives(
    clients: tuple[Client, Client], tmp_path: Path
) -> None:
    development, production = clients
    for name in ("base", "other", "tuned", "tuned"):
        push(development, name, f"{name}, a net".encode())
    for name in ("elsewhere", "base"):
        push(production, name, b"something else of that name")
    relation = "fine-tuned from"
    development.lineage.record("tuned/1", {"parents": [
        {"version": "base/1", "relation": relation}, {"version": "other/1", "relation": relation},
    ]})  # fmt: skip
    development.lineage.record(
        "tuned/2",
        {
            "parents": [{"version": "tuned/1", "relation": relation}],
            "datasets": [{"uri": "s3://a"}],
        },
    )
    for name in ("base", "tuned"):
        development.archives.export(name, tmp_path / name, KEY)

    production.archives.load(tmp_path / "base", TRUSTED)
    imported = production.archives.load(tmp_path / "tuned", TRUSTED, name="tuned-eu")
    again = production.archives.load(tmp_path / "tuned", TRUSTED, name="tuned-eu")

    first, second = (production.lineage.get(f"tuned-eu/{number}") for number in (1, 2))
    # What was base/1 there is base/2 here, beside a base/1 of another origin.
    assert [parent.version for parent in first.parents] == ["models/base/versions/2"]
    assert [parent.version for parent in second.parents] == ["models/tuned-eu/versions/1"]
    assert [use.uri for use in second.datasets] == ["s3://a"]
    assert (imported.missing_parents, again.missing_parents) == (["other/1"], ["other/1"])


def test_a_later_export_brings_only_what_is_new(
    clients: tuple[Client, Client], tmp_path: Path
) -> None:
    development, production = clients
    push(development, "grows", b"one")
    development.archives.export("grows", tmp_path / "early", KEY)
    production.archives.load(tmp_path / "early", TRUSTED)
    push(production, "grows", b"made in production")
    push(development, "grows", b"two")
    development.archives.export("grows", tmp_path / "late", KEY)

    imported = production.archives.load(tmp_path / "late", TRUSTED)

    assert imported.numbers == {1: 1, 2: 3}


@pytest.mark.parametrize(("which", "champion"), [("none", 1), ("new", 1), ("all", 2)])
def test_an_alias_that_is_there_moves_only_if_asked(
    clients: tuple[Client, Client], exported: Path, which: archive.Aliases, champion: int
) -> None:
    _, production = clients
    name = f"has-own-{which}"
    push(production, name, b"made in production")
    production.archives.load(exported, TRUSTED, name=name, aliases=which)

    numbers = aliases(production, name)

    assert numbers["champion"] == (champion if which != "all" else 3)
    assert ("nightly" in numbers) == (which != "none")


def test_one_version_can_be_exported_alone(
    clients: tuple[Client, Client], exported: Path, tmp_path: Path
) -> None:
    development, production = clients
    contents = development.archives.export("digits", tmp_path / "one", KEY, versions=[3])

    imported = production.archives.load(tmp_path / "one", TRUSTED, name="alone")

    assert [version.number for version in contents.versions] == [3]
    assert imported.numbers == {3: 1}


def test_nobody_elses_key_is_believed(clients: tuple[Client, Client], exported: Path) -> None:
    _, production = clients

    with pytest.raises(FailedPrecondition) as caught:
        production.archives.load(exported, [Ed25519PrivateKey.generate().public_key()])

    assert caught.value.reason == "ARCHIVE_NOT_TRUSTED"


def rewritten(path: Path, to: Path, change: dict[str, bytes | None]) -> Path:
    """A copy of an archive with members changed, left out (None) or added."""
    with tarfile.open(path) as old, tarfile.open(to, "w") as new:
        contents = {m.name: old.extractfile(m).read() for m in old.getmembers()}  # type: ignore[union-attr]
        for name, data in {**contents, **change}.items():
            if data is not None:
                member = tarfile.TarInfo(name)
                member.size = len(data)
                new.addfile(member, io.BytesIO(data))
    return to


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar.getmembers()}  # type: ignore[union-attr]


def test_any_touched_member_makes_the_archive_useless(exported: Path, tmp_path: Path) -> None:
    inside = members(exported)
    blob = next(name for name in inside if name.startswith("artifacts/"))
    contents = json.loads(inside["archive.json"])
    contents["versions"][0]["description"] = "something else"
    changes: list[dict[str, bytes | None]] = [
        {"archive.json": json.dumps(contents).encode()},
        {"archive.json": b"{}"},
        {"signature.json": b"{}"},
        {
            "signature.json": inside["signature.json"].replace(
                b'"signature": "', b'"signature": "AA'
            )
        },
        {blob: inside[blob][::-1]},
        {blob: inside[blob] + b"!"},
        {blob: None},
        {"artifacts/" + "a" * 64: b"smuggled in"},
        {"../../escape": b"smuggled in"},
        {"archive.json": None},
    ]
    for number, change in enumerate(changes):
        touched = rewritten(exported, tmp_path / str(number), change)

        with pytest.raises(InvalidArgument) as caught:
            archive.read(touched, TRUSTED)

        assert caught.value.reason == "ARCHIVE_INVALID", change


def test_an_archive_that_is_cut_off_is_refused(exported: Path, tmp_path: Path) -> None:
    with tarfile.open(exported) as tar:
        end = tar.getmembers()[-1].offset_data + 1
    for size in (0, 100, 511, 2_000, end - 600, end):
        (tmp_path / "cut").write_bytes(exported.read_bytes()[:size])

        with pytest.raises(InvalidArgument) as caught:
            archive.read(tmp_path / "cut", TRUSTED)

        assert caught.value.reason == "ARCHIVE_INVALID"


def test_a_flipped_bit_is_never_overlooked(exported: Path, tmp_path: Path) -> None:
    whole = exported.read_bytes()
    good, _ = archive.read(exported, TRUSTED)
    for place in range(0, len(whole), 211):
        touched = bytearray(whole)
        touched[place] ^= 1
        path = tmp_path / "flipped"
        path.write_bytes(touched)
        try:
            contents, pieces = archive.read(path, TRUSTED)
        except (InvalidArgument, FailedPrecondition):
            continue
        # Padding and times of the tar carry nothing.
        assert contents == good
        assert pieces.keys() == good.sizes.keys()


def test_keys_are_kept_as_pem_for_their_owner_alone(tmp_path: Path) -> None:
    made = archive.make_key(tmp_path / "team.key")

    assert archive.private_key(tmp_path / "team.key").public_key() == made
    assert archive.public_key(tmp_path / "team.key.pub") == made
    assert (tmp_path / "team.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        archive.make_key(tmp_path / "team.key")
    for read in (archive.private_key, archive.public_key):
        (tmp_path / "junk").write_text("no key")
        with pytest.raises(InvalidArgument) as caught:
            read(tmp_path / "junk")
        assert caught.value.reason == "KEY_INVALID"
    shutil.copy(tmp_path / "team.key.pub", tmp_path / "wrong")
    with pytest.raises(InvalidArgument):
        archive.private_key(tmp_path / "wrong")
