from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chassis.runtime import Runtime
from chassis.settings import ServiceSettings

TOKEN = "open-sesame"


@pytest.fixture
async def runtime() -> AsyncIterator[Runtime]:
    async with asyncio.TaskGroup() as tasks:
        runtime = Runtime("trial", tasks)
        yield runtime
        runtime.cancel_spawned()


@pytest.fixture
def settings(tmp_path: Path) -> ServiceSettings:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"cli admin {hashlib.sha256(TOKEN.encode()).hexdigest()}\n")
    return ServiceSettings(tokens_file=tokens, drain_notice_s=0.0, drain_grace_s=5.0)
