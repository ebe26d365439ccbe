"""Tokens of one stack: made at the first start, then kept."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path

from cli.up.layout import write_private

_ROLES = ("admin", "service")


@dataclass(frozen=True, slots=True)
class Tokens:
    """Files that the services read.

    Attributes:
        accepted: `name role sha256` lines, for those who check.
        service: the token that services present to one another.
        admin: the admin's token.
    """

    accepted: Path
    service: Path
    admin: Path

    def admin_token(self) -> str:
        return self.admin.read_text(encoding="ascii").strip()


def ensure(folder: Path) -> Tokens:
    """Makes the tokens that are missing in `folder` and lists all as accepted.

    Names that somebody added to the list by hand stay.
    """
    lines: dict[str, str] = {}
    accepted = folder / "tokens"
    if accepted.exists():
        for line in accepted.read_text(encoding="ascii").splitlines():
            if line.strip():
                lines[line.split()[0]] = line
    for role in _ROLES:
        path = folder / f"{role}-token"
        if not path.exists():
            write_private(path, secrets.token_urlsafe(32) + "\n")
        token = path.read_text(encoding="ascii").strip()
        lines[role] = f"{role} {role} {hashlib.sha256(token.encode()).hexdigest()}"
    wanted = "\n".join(lines.values()) + "\n"
    if not accepted.exists() or accepted.read_text(encoding="ascii") != wanted:
        write_private(accepted, wanted)
    return Tokens(accepted, folder / "service-token", folder / "admin-token")
