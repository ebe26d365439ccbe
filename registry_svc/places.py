"""The place for artifacts that the settings name."""

from __future__ import annotations

from registry_svc.artifacts import Artifacts
from registry_svc.artifacts_folder import ArtifactFolder
from registry_svc.settings import Settings


def artifacts_of(settings: Settings) -> Artifacts:
    """A bucket if there is one, else the folder.

    Raises:
        InvalidArgument: ARTIFACT_URL_INVALID.
    """
    if not settings.artifact_url:
        return ArtifactFolder(settings.artifact_dir)
    # Imported where it is used: a folder does not need it, and it costs a start.
    from registry_svc import artifacts_objects

    store = artifacts_objects.store_of(
        settings.artifact_url,
        endpoint=settings.artifact_endpoint,
        timeout_s=settings.artifact_timeout_s,
    )
    return artifacts_objects.ArtifactObjects(store, stall_s=settings.artifact_timeout_s)
