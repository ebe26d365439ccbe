"""Envoy without a router of ours: all in one file, or in files that it follows."""

from __future__ import annotations

from mesh.targets.envoy.parameters import EnvoyParameters
from mesh.targets.envoy.render import CLUSTERS, FILES, SCOPES, STATIC, files, static

__all__ = ["CLUSTERS", "FILES", "SCOPES", "STATIC", "EnvoyParameters", "files", "static"]
