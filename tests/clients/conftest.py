"""Programs that run in environments of their own, and are no tests."""

from __future__ import annotations

collect_ignore_glob = ["*_client.py"]
