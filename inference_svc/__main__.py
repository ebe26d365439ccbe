"""`python -m inference_svc`: one inference replica."""

from __future__ import annotations

from chassis import service
from inference_svc.app import app
from inference_svc.settings import Settings

if __name__ == "__main__":
    service.main("inference_svc", Settings, app)
