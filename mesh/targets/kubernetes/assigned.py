"""Headers that carry an assignment through meshes that know headers alone.

A request's come from the route that was chosen, at the moment of assignment,
so an access log that reads them tells what was assigned, whatever became of the
request.
"""

from __future__ import annotations

from mesh import table

VERSION = "x-al-version"
"""The version that a replica must run; wins over the message."""

REQUEST_HEADERS = {
    "version": VERSION,
    "revision": "x-al-revision",
    "experiment": "x-al-experiment",
    "phase": "x-al-phase",
    "arm": "x-al-arm",
}
"""Header of each part of an assignment."""


def explicit(route: table.ModelRoute, version: int) -> dict[str, str]:
    """Of requests that name `version` themselves."""
    return {VERSION: str(version), REQUEST_HEADERS["revision"]: route.revision}


def champion(route: table.ModelRoute) -> dict[str, str]:
    """Of requests that name no version and are in no experiment."""
    return explicit(route, route.champion)


def arm(route: table.ModelRoute, split: table.Split, arm_id: str) -> dict[str, str]:
    """Of requests that `split` assigned to `arm_id`; those of a shift are no exposures.

    The champion answers for an arm that is killed, and the exposure is the arm's.
    """
    version = route.unkilled(split.versions[arm_id])
    if not split.experiment:
        return explicit(route, version)
    return {
        **explicit(route, version),
        REQUEST_HEADERS["experiment"]: split.experiment,
        REQUEST_HEADERS["phase"]: str(split.phase),
        REQUEST_HEADERS["arm"]: arm_id,
    }


def answer(request: dict[str, str]) -> dict[str, str]:
    """Headers of the answer to a request that was assigned by these."""
    told = {"x-algolink-version": request[VERSION]}
    for part in ("experiment", "arm"):
        if REQUEST_HEADERS[part] in request:
            told[f"x-algolink-{part}"] = request[REQUEST_HEADERS[part]]
    return told
