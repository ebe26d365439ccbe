"""A model in one file: what is known of its versions, their artifacts, and a signature.

The file is a tar. Its first member, `archive.json`, lists everything else by SHA-256;
the second, `signature.json`, is an Ed25519 signature of the first; then come the
artifacts, each named by its digest. So one signature covers it all, and nothing is
believed before it has been checked.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import json
import tarfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from google.protobuf import json_format

from algolink.client.artifact import Piece
from algolink.errors import AlgoLinkError, FailedPrecondition, InvalidArgument
from algolink.registry.v1 import ledger_pb2, lineage_pb2, registry_pb2

Aliases = Literal["none", "new", "all"]
"""Which aliases an import sets: none, those that the model lacks, or all."""

_CONTENTS: Final = "archive.json"
_SIGNATURE: Final = "signature.json"
_ARTIFACTS: Final = "artifacts/"
_FORMAT: Final = 1
_MAX_JSON_BYTES: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What an archive says.

    Attributes:
        model: as it was.
        versions: oldest first; deleted ones are not among them.
        moves: the model's ledger, newest first, for whoever wants to read it.
        sizes: of every artifact and file, in bytes, by digest.
        lineages: of those versions that have one.
    """

    model: registry_pb2.Model
    versions: Sequence[registry_pb2.Version]
    moves: Sequence[ledger_pb2.AliasMove]
    sizes: Mapping[str, int]
    lineages: Sequence[lineage_pb2.Lineage] = ()

    def encode(self) -> bytes:
        """The bytes that are signed; the same contents give the same."""
        value = {
            "algolink_archive": _FORMAT,
            "model": _plain(self.model),
            "versions": [_plain(version) for version in self.versions],
            "moves": [_plain(move) for move in self.moves],
            "sizes": dict(self.sizes),
            "lineages": [_plain(lineage) for lineage in self.lineages],
        }
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, content: bytes) -> Contents:
        """Reads what `encode` gave.

        Raises:
            InvalidArgument: ARCHIVE_INVALID.
        """
        try:
            value: Any = json.loads(content)
            if value["algolink_archive"] != _FORMAT:
                raise _invalid(f"it is of format {value['algolink_archive']}, not {_FORMAT}")
            return cls(
                model=_parsed(value["model"], registry_pb2.Model()),
                versions=[_parsed(v, registry_pb2.Version()) for v in value["versions"]],
                moves=[_parsed(m, ledger_pb2.AliasMove()) for m in value["moves"]],
                sizes={str(digest): int(size) for digest, size in value["sizes"].items()},
                lineages=[_parsed(v, lineage_pb2.Lineage()) for v in value.get("lineages", ())],
            )
        except (ValueError, KeyError, TypeError, AttributeError, json_format.ParseError) as error:
            raise _invalid(f"{_CONTENTS} is not what it should be") from error


def write(path: Path, contents: Contents, artifacts: Path, key: Ed25519PrivateKey) -> None:
    """Writes an archive.

    Args:
        artifacts: folder that holds every artifact of `contents.sizes`, by digest.
        key: signs it.

    Raises:
        OSError: if a file cannot be read or written.
    """
    content = contents.encode()
    signature = {
        "key": key.public_key().public_bytes_raw().hex(),
        "signature": base64.b64encode(key.sign(content)).decode(),
    }
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in ((_CONTENTS, content), (_SIGNATURE, json.dumps(signature).encode())):
            tar.addfile(_member(name, len(data)), io.BytesIO(data))
        for digest, size_bytes in sorted(contents.sizes.items()):
            with (artifacts / digest).open("rb") as file:
                tar.addfile(_member(f"{_ARTIFACTS}{digest}", size_bytes), file)


def read(path: Path, trusted: Collection[Ed25519PublicKey]) -> tuple[Contents, Mapping[str, Piece]]:
    """Reads an archive and checks all of it.

    Args:
        trusted: keys of whom to believe.

    Returns:
        what it says, and its artifacts by digest, which lie in the file itself.

    Raises:
        InvalidArgument: ARCHIVE_INVALID, if it is none, is damaged or incomplete.
        FailedPrecondition: ARCHIVE_NOT_TRUSTED, if nobody who is trusted signed it.
        OSError: if it cannot be read.
    """
    try:
        with tarfile.open(path, "r:") as tar:
            members = tar.getmembers()
            content = _json_in(tar, members, 0, _CONTENTS)
            signature = _json_in(tar, members, 1, _SIGNATURE)
    except (tarfile.TarError, EOFError) as error:
        raise _invalid(f"{path} is not a whole tar file: {error}") from error
    _check_signature(content, signature, trusted)
    contents = Contents.decode(content)
    pieces = {}
    for member in members[2:]:
        digest = member.name.removeprefix(_ARTIFACTS)
        size_bytes = contents.sizes.get(digest)
        if not member.isreg() or size_bytes != member.size or digest in pieces:
            raise _invalid(f"{member.name!r} is not among what was signed")
        piece = Piece(path, digest, member.size, member.offset_data)
        if _digest_of(piece) != digest:
            raise _invalid(f"artifact {digest} is damaged")
        pieces[digest] = piece
    if missing := contents.sizes.keys() - pieces.keys():
        raise _invalid(f"it lacks artifact {min(missing)}")
    return contents, pieces


def make_key(path: Path) -> Ed25519PublicKey:
    """Writes a new private key to `path`, for its owner alone, and its public one beside it.

    The public one gets the same name with `.pub`.

    Raises:
        OSError: FileExistsError among others, for a key is not overwritten.
    """
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(private)
    path.with_name(f"{path.name}.pub").write_bytes(public)
    return key.public_key()


def private_key(path: Path) -> Ed25519PrivateKey:
    """Reads a private key (PEM, not encrypted).

    Raises:
        InvalidArgument: KEY_INVALID.
        OSError: if it cannot be read.
    """
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _key_invalid(path, "private") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _key_invalid(path, "private")
    return key


def public_key(path: Path) -> Ed25519PublicKey:
    """Reads a public key (PEM).

    Raises:
        InvalidArgument: KEY_INVALID.
        OSError: if it cannot be read.
    """
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _key_invalid(path, "public") from error
    if not isinstance(key, Ed25519PublicKey):
        raise _key_invalid(path, "public")
    return key


def fingerprint(key: Ed25519PublicKey) -> str:
    """First half of the SHA-256 of a key, in hex: enough to tell keys apart."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:32]


def _check_signature(
    content: bytes, signature: bytes, trusted: Collection[Ed25519PublicKey]
) -> None:
    try:
        value: Any = json.loads(signature)
        signed = base64.b64decode(value["signature"], validate=True)
        claimed = str(value["key"])
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise _invalid(f"{_SIGNATURE} is not what it should be") from error
    signer = next((key for key in trusted if key.public_bytes_raw().hex() == claimed), None)
    if signer is None:
        raise FailedPrecondition(
            "ARCHIVE_NOT_TRUSTED",
            f"the archive says that key {claimed} signed it, which is not among the trusted",
            key=claimed,
        )
    try:
        signer.verify(signed, content)
    except InvalidSignature as error:
        raise _invalid("it was changed after it was signed") from error


def _json_in(
    tar: tarfile.TarFile, members: Sequence[tarfile.TarInfo], index: int, name: str
) -> bytes:
    if len(members) <= index or members[index].name != name or not members[index].isreg():
        raise _invalid(f"its member {index + 1} is not {name}")
    if members[index].size > _MAX_JSON_BYTES:
        raise _invalid(f"{name} has {members[index].size} bytes")
    file = tar.extractfile(members[index])
    return file.read() if file else b""


def _digest_of(piece: Piece) -> str:
    sha256 = hashlib.sha256()
    for chunk in piece.chunks():
        sha256.update(chunk)
    return sha256.hexdigest()


def _member(name: str, size_bytes: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size_bytes, 0o644
    return member


def _plain(message: Any) -> Any:
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def _parsed(value: Any, message: Any) -> Any:
    # A newer registry may know more of a version than this one.
    return json_format.ParseDict(value, message, ignore_unknown_fields=True)


def _invalid(why: str) -> InvalidArgument:
    return InvalidArgument("ARCHIVE_INVALID", f"this archive cannot be used: {why}", why=why)


def _key_invalid(path: Path, kind: str) -> AlgoLinkError:
    return InvalidArgument(
        "KEY_INVALID", f"{path} does not hold a {kind} Ed25519 key in PEM", path=path
    )
