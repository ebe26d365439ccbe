"""Repository and settings calls over gRPC."""

from __future__ import annotations

from typing import Any

import grpc
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc

from inference_svc import repository
from inference_svc.data_plane import DataPlane
from inference_svc.fixed_settings import LogValue, check_unchanged

Context = grpc.aio.ServicerContext[Any, Any]


class RepositoryCalls(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]  # comes without types
    """The part of the service that is about what it holds and how it runs."""

    _plane: DataPlane

    async def RepositoryIndex(
        self, request: pb.RepositoryIndexRequest, context: Context
    ) -> pb.RepositoryIndexResponse:
        entries = await self._plane.repository.index(
            request.repository_name, only_ready=request.ready
        )
        return pb.RepositoryIndexResponse(
            models=[
                pb.RepositoryIndexResponse.ModelIndex(
                    name=entry.model,
                    version=str(entry.version),
                    state=entry.state,
                    reason=entry.reason,
                )
                for entry in entries
            ]
        )

    async def RepositoryModelLoad(
        self, request: pb.RepositoryModelLoadRequest, context: Context
    ) -> pb.RepositoryModelLoadResponse:
        for name in request.parameters:
            raise repository.refuse_parameter(name)
        await self._plane.repository.load(request.repository_name, request.model_name)
        return pb.RepositoryModelLoadResponse()

    async def RepositoryModelUnload(
        self, request: pb.RepositoryModelUnloadRequest, context: Context
    ) -> pb.RepositoryModelUnloadResponse:
        await self._plane.repository.unload(request.repository_name, request.model_name)
        return pb.RepositoryModelUnloadResponse()

    async def TraceSetting(
        self, request: pb.TraceSettingRequest, context: Context
    ) -> pb.TraceSettingResponse:
        fixed = self._plane.settings.trace
        asked = {name: tuple(setting.value) or None for name, setting in request.settings.items()}
        check_unchanged(asked, fixed)
        response = pb.TraceSettingResponse()
        for name, value in fixed.items():
            response.settings[name].value.extend(value)
        return response

    async def LogSettings(
        self, request: pb.LogSettingsRequest, context: Context
    ) -> pb.LogSettingsResponse:
        fixed = self._plane.settings.log
        check_unchanged({name: _value(v) for name, v in request.settings.items()}, fixed)
        response = pb.LogSettingsResponse()
        for name, value in fixed.items():
            setting = response.settings[name]
            if isinstance(value, bool):
                setting.bool_param = value
            elif isinstance(value, int):
                setting.uint32_param = value
            else:
                setting.string_param = value
        return response


def _value(setting: pb.LogSettingsRequest.SettingValue) -> LogValue | None:
    kind = setting.WhichOneof("parameter_choice")
    value: LogValue | None = None if kind is None else getattr(setting, kind)
    return value
