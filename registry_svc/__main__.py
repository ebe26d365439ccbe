"""`python -m registry_svc`."""

from __future__ import annotations

from chassis import service
from registry_svc.app import app
from registry_svc.settings import Settings

if __name__ == "__main__":
    service.main("registry_svc", Settings, app)
