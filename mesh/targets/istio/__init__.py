"""Istio's own objects, and Envoy's where Istio has none."""

from __future__ import annotations

from mesh.targets.istio.render import render

__all__ = ["render"]
