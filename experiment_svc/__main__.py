"""`python -m experiment_svc`."""

from __future__ import annotations

from chassis import service
from experiment_svc.app import app
from experiment_svc.settings import Settings

service.main("experiment_svc", Settings, app)
