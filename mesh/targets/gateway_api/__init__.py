"""The Gateway API's standard channel, for whichever implementation runs it."""

from __future__ import annotations

from mesh.targets.gateway_api.render import render

__all__ = ["render"]
