"""Shared memory calls over HTTP."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from algolink.errors import InvalidArgument
from inference_svc import oip_json
from inference_svc.domain.parameters import parse_size
from inference_svc.rest_answers import as_json
from inference_svc.shared_memory import Region, SharedMemory, no_cuda

_SYSTEM = "/v2/systemsharedmemory"
_CUDA = "/v2/cudasharedmemory"


class SharedMemoryRoutes:
    """The part of the service that is about where tensors lie."""

    def __init__(self, memory: SharedMemory) -> None:
        self._memory = memory

    def routes(self) -> Iterable[web.RouteDef]:
        """Each path with what answers it."""
        for path in (_SYSTEM, f"{_SYSTEM}/region/{{name}}"):
            yield web.get(f"{path}/status", self._status)
            yield web.post(f"{path}/unregister", self._unregister)
        yield web.post(f"{_SYSTEM}/region/{{name}}/register", self._register)
        for path in (_CUDA, f"{_CUDA}/region/{{name}}"):
            yield web.get(f"{path}/status", self._cuda_status)
            yield web.post(f"{path}/unregister", self._cuda_unregister)
        yield web.post(f"{_CUDA}/region/{{name}}/register", self._cuda_register)

    async def _status(self, request: web.Request) -> web.Response:
        regions = self._memory.regions(request.match_info.get("name", ""))
        return as_json(
            [
                {
                    "name": region.name,
                    "key": region.key,
                    "offset": region.offset,
                    "byte_size": region.size_bytes,
                }
                for region in regions
            ]
        )

    async def _register(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        body = oip_json.parse_body(await request.read())
        key = body.get("key")
        if not isinstance(key, str):
            raise InvalidArgument("BODY_INVALID", "`key` must be a string")
        offset, size = (parse_size(name, body, field) for field in ("offset", "byte_size"))
        self._memory.register(Region(name, key, offset, size))
        return web.Response()

    async def _unregister(self, request: web.Request) -> web.Response:
        self._memory.unregister(request.match_info.get("name", ""))
        return web.Response()

    async def _cuda_status(self, _request: web.Request) -> web.Response:
        return as_json([])

    async def _cuda_register(self, request: web.Request) -> web.Response:
        raise no_cuda(request.match_info["name"])

    async def _cuda_unregister(self, _request: web.Request) -> web.Response:
        # None was ever registered, and letting go of one that is not there is no error.
        return web.Response()
