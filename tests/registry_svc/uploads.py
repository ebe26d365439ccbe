"""Messages of an upload."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from algolink.registry.v1 import registry_pb2 as pb


def messages(
    artifact: bytes,
    *,
    model: str = "models/iris",
    request_id: str = "push-1",
    digest: str | None = None,
    size_bytes: int | None = None,
    description: str = "",
    aliases: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
    metrics: Mapping[str, float] | None = None,
    chunk_bytes: int = 64 * 1024,
) -> Iterator[pb.PushVersionRequest]:
    """A header that is right unless told otherwise, then `artifact` in chunks."""
    yield pb.PushVersionRequest(
        header=pb.PushHeader(
            model=model,
            request_id=request_id,
            digest=hashlib.sha256(artifact).hexdigest() if digest is None else digest,
            size_bytes=len(artifact) if size_bytes is None else size_bytes,
            description=description,
            aliases=aliases,
            tags=tags or {},
            metrics=metrics or {},
        )
    )
    for start in range(0, len(artifact), chunk_bytes):
        yield pb.PushVersionRequest(chunk=artifact[start : start + chunk_bytes])
