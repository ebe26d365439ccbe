"""`python -m mesh_agent`: one Envoy, and the shipping of what it logs."""

from __future__ import annotations

from chassis import service
from mesh_agent.app import app
from mesh_agent.settings import Settings

if __name__ == "__main__":
    service.main("mesh_agent", Settings, app)
