"""Backs a registry up, or brings it back.

    python -m registry_svc.backups save FOLDER
    python -m registry_svc.backups restore FOLDER [SNAPSHOT]

Reads the same environment as the service. `save` may run beside it; `restore` wants a
database in which nothing is, and no service on it. Prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from pydantic import ValidationError

from algolink.errors import AlgoLinkError
from chassis import settings as chassis_settings
from registry_svc.backups import restoring, saving
from registry_svc.settings import Settings


def main(arguments: list[str]) -> NoReturn:
    try:
        match arguments:
            case ["save", folder]:
                done = asyncio.run(saving.save(_settings(), Path(folder), at=datetime.now(UTC)))
            case ["restore", folder, *snapshot] if len(snapshot) <= 1:
                done = asyncio.run(restoring.restore(_settings(), Path(folder), *snapshot))
            case _:
                sys.exit(__doc__)
    except ValidationError as error:
        sys.exit(f"registry_svc.backups: {chassis_settings.describe(error)}")
    except (AlgoLinkError, OSError) as error:
        sys.exit(f"registry_svc.backups: {error}")
    sys.stdout.write(json.dumps(done) + "\n")
    sys.exit(0)


def _settings() -> Settings:
    return Settings()  # type: ignore[call-arg]  # the environment has them


if __name__ == "__main__":
    main(sys.argv[1:])
