"""Who calls: bearer tokens, checked in one interceptor."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from algolink import names
from algolink.errors import FailedPrecondition, Unauthenticated
from chassis.interception import Context, header

OPEN_SERVICES = (
    "/grpc.health.v1.Health/",
    "/grpc.reflection.v1alpha.ServerReflection/",
    "/grpc.reflection.v1.ServerReflection/",
)
"""Prefixes of methods that need no token."""

ROLES = ("admin", "service")

_SCHEME = "bearer "


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a token belongs to.

    Attributes:
        name: for logs and the audit.
        role: one of `ROLES`, or empty for a caller without a token.
    """

    name: str
    role: str


ANONYMOUS = Caller(name="", role="")

_caller: ContextVar[Caller] = ContextVar("caller", default=ANONYMOUS)


def caller() -> Caller:
    """Who made the call that is being handled."""
    return _caller.get()


def remember(who: Caller) -> Caller:
    """Notes who makes the call that is being handled, where its handler finds out."""
    _caller.set(who)
    return who


class Tokens:
    """Accepted tokens, known by their SHA-256 alone."""

    def __init__(self, callers: Iterable[tuple[bytes, Caller]]) -> None:
        self._callers = tuple(callers)

    @classmethod
    def read(cls, path: Path | None) -> Tokens:
        """Reads `name role sha256` lines; `#` starts a comment line.

        Raises:
            FailedPrecondition: TOKENS_FILE_UNREADABLE or TOKENS_FILE_INVALID.
        """
        if path is None:
            raise FailedPrecondition(
                "TOKENS_FILE_UNREADABLE", "no tokens file: set ALGOLINK_TOKENS_FILE"
            )
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise FailedPrecondition(
                "TOKENS_FILE_UNREADABLE",
                f"cannot read the tokens file {path}: {error.strerror}",
                path=path,
            ) from error
        return cls(
            _parse(line, path, number)
            for number, line in enumerate(text.splitlines(), start=1)
            if line.strip() and not line.lstrip().startswith("#")
        )

    def check(self, authorization: str | None) -> Caller:
        """Caller whose token an `authorization` header bears.

        Raises:
            Unauthenticated: TOKEN_MISSING or TOKEN_INVALID.
        """
        if not authorization:
            raise Unauthenticated(
                "TOKEN_MISSING", "a token is required: send authorization: Bearer <token>"
            )
        if not authorization.lower().startswith(_SCHEME):
            raise Unauthenticated("TOKEN_INVALID", "the authorization header bears no token")
        return self.check_token(authorization[len(_SCHEME) :].strip())

    def check_token(self, token: str) -> Caller:
        """Caller that `token` belongs to.

        Raises:
            Unauthenticated: TOKEN_INVALID.
        """
        digest = hashlib.sha256(token.encode()).digest()
        found = None
        for known, owner in self._callers:  # all of them, so that time tells nothing
            if hmac.compare_digest(known, digest):
                found = owner
        if found is None:
            raise Unauthenticated("TOKEN_INVALID", "the token is not accepted here")
        return found


class TokenCheck:
    """Lets only calls with an accepted token pass, and remembers whose it is.

    Args:
        open_methods: prefixes of methods that need none, or check it themselves.
    """

    def __init__(self, tokens: Tokens, open_methods: Sequence[str] = ()) -> None:
        self._tokens = tokens
        self._open = (*OPEN_SERVICES, *open_methods)

    @asynccontextmanager
    async def __call__(self, method: str, context: Context) -> AsyncIterator[None]:
        if not method.startswith(self._open):
            remember(self._tokens.check(header(context, "authorization")))
        yield


def read_token(path: Path | None) -> str | None:
    """The token that this process presents to others; None where it has none.

    Raises:
        FailedPrecondition: TOKEN_FILE_UNREADABLE.
    """
    if path is None:
        return None
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise FailedPrecondition(
            "TOKEN_FILE_UNREADABLE", f"cannot read the token file {path}: {error}", path=path
        ) from error


def _parse(line: str, path: Path, number: int) -> tuple[bytes, Caller]:
    parts = line.split()
    if len(parts) != 3 or parts[1] not in ROLES:
        raise _invalid_line(path, number)
    name, role, digest = parts
    if re.fullmatch(names.DIGEST_PATTERN, digest) is None:
        raise _invalid_line(path, number)
    return bytes.fromhex(digest), Caller(name=name, role=role)


def _invalid_line(path: Path, number: int) -> FailedPrecondition:
    return FailedPrecondition(
        "TOKENS_FILE_INVALID",
        f"line {number} of {path} is not `name role sha256` with a role of {', '.join(ROLES)}",
        path=path,
        line=number,
    )
