from __future__ import annotations

import json

from tests.cli.conftest import Run


def test_status_shows_routers_envoys_and_what_is_refused_in_envoys_words(connected: Run) -> None:
    done = connected("mesh", "status")

    assert done.status == 0, done.err
    assert "not connected" in done.out
    assert "HAS TABLE (OF 5)" in done.out
    assert "edge-1 refuses: weights must not be [bold]zero" in done.out


def test_status_in_json(connected: Run) -> None:
    fleet = json.loads(connected("mesh", "status", "-o", "json").out)

    assert [router["id"] for router in fleet["routers"] if router.get("composing")] == ["router-1"]
    assert fleet["envoys"][0]["refused_models"] == ["iris"]


def test_an_envoy_is_removed_once(connected: Run) -> None:
    removed = connected("mesh", "remove-envoy", "edge-2")
    again = connected("mesh", "remove-envoy", "edge-2")

    assert (removed.status, removed.out) == (0, "Envoy edge-2 is forgotten.\n")
    assert again.status == 1
    assert "ENVOY_NOT_FOUND" in again.err
