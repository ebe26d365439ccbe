"""Artifacts from the registry."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import grpc

from algolink.registry.v1 import registry_pb2, registry_pb2_grpc
from chassis import errors

_STALL_S: Final = 300.0
"""A stream that takes longer is broken off, and taken up where it was."""


class RegistrySource:
    """A `fetching.Source` over `RegistryService.DownloadArtifact`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._registry = registry_pb2_grpc.RegistryServiceStub(channel)

    async def download(self, digest: str, offset: int = 0) -> AsyncIterator[bytes]:
        """See `fetching.Source`."""
        call = self._registry.DownloadArtifact(
            registry_pb2.DownloadArtifactRequest(digest=digest, offset=offset),
            timeout=_STALL_S,
        )
        try:
            async for response in call:
                yield response.chunk
        except grpc.aio.AioRpcError as error:
            raise errors.from_rpc_error(error) from error
        finally:
            call.cancel()
