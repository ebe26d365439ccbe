"""`python -m router_svc`."""

from __future__ import annotations

from chassis import service
from router_svc.app import app
from router_svc.settings import Settings

if __name__ == "__main__":
    service.main("router_svc", Settings, app)
