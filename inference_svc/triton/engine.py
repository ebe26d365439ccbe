"""Models in a Triton server, behind the protocol of engines."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

from algolink.errors import Unavailable
from algolink.names import VersionName
from inference_svc.batching.served_model import ServedModel
from inference_svc.domain.holding import WantedVersion
from inference_svc.domain.signature import Signature
from inference_svc.domain.tensors import Array
from inference_svc.engines import LoadError, RunError
from inference_svc.engines.onnx import OnnxEngine
from inference_svc.triton import model_files
from inference_svc.triton.model_files import Runs, Traits
from inference_svc.triton.repository import ModelRepository
from inference_svc.triton.server import TritonServer

_log = logging.getLogger(__name__)

_LOAD_TIMEOUT_S: Final = 300.0
_RUN_TIMEOUT_S: Final = 60.0
_DEATH_IS_SEEN_S: Final = 0.5
_INPUT_AT_FAULT: Final = "StatusCode.INVALID_ARGUMENT"


class TritonEngine:
    """Loads versions into one Triton, each beside the others.

    What a version takes and gives is found out by opening its artifact here, once;
    it is Triton that answers requests.
    """

    platform = "triton"

    def __init__(
        self, server: TritonServer, repository: ModelRepository, onnx: OnnxEngine, runs: Runs
    ) -> None:
        self._server = server
        self._repository = repository
        self._onnx = onnx
        self._runs = runs
        # Triton loads a model as a whole: two that change it at once would undo each other.
        self._changing: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        # Who loaded a version last: one that is wanted again while it goes has two models
        # for a while, and the version is the newer one's.
        self._owners: dict[VersionName, TritonModel] = {}

    async def load(self, version: WantedVersion, artifact: Path) -> TritonModel:
        """Has Triton load a version, unless it has it already.

        Raises:
            LoadError: if ONNX Runtime or Triton refuses it, or Triton dies meanwhile.
            Unavailable: TRITON_STOPPED.
        """
        await self._server.until_live()
        name = version.name
        traits = await self._inspected(version, artifact)
        contents = model_files.version_files(version, traits, self._runs)
        async with self._changing[name.model]:
            served = await self._ready(name.model)
            if name.number not in served or not self._repository.has(name, contents):
                await asyncio.to_thread(self._repository.put, version, contents, artifact)
                await self._serve(name, sorted({*served, name.number}))
            model = TritonModel(self, self._server, version, traits.signature)
            self._owners[name] = model
            return model

    async def unload(self, model: TritonModel) -> None:
        """Has Triton let go of a model's version, once the last request on it has ended."""
        async with self._changing[model.name.model]:
            if self._owners.get(model.name) is model:
                del self._owners[model.name]
                await self._let_go(model.name)

    async def forget(self, name: VersionName) -> None:
        """Has Triton let go of a version that an agent before this one had it load."""
        async with self._changing[name.model]:
            if name not in self._owners:
                await self._let_go(name)

    async def _let_go(self, name: VersionName) -> None:
        while not self._server.is_stopped:
            with suppress(Unavailable):  # what is stopped meanwhile has let go of everything
                await self._server.until_live()
                if await self._withdrawn(name):
                    return

    async def _withdrawn(self, name: VersionName) -> bool:
        """Takes a version out of Triton; False if Triton died over it."""
        client, model, allowed = self._server.client, name.model, self._server.credentials
        try:
            served = await self._ready(model)
            rest = sorted(served - {name.number})
            if rest:
                await asyncio.to_thread(self._repository.serve, model, rest)
            if name.number in served and rest:
                await client.load_model(model, headers=allowed, client_timeout=_LOAD_TIMEOUT_S)
            elif name.number in served:
                await client.unload_model(model, headers=allowed, client_timeout=_LOAD_TIMEOUT_S)
            await asyncio.to_thread(self._repository.remove, name)
        except (InferenceServerException, LoadError, OSError) as error:
            await asyncio.sleep(_DEATH_IS_SEEN_S)
            if not self._server.is_live:
                return False
            # It stays until its model is changed next, and nobody is sent there.
            _log.warning("version not unloaded", extra={"version": str(name), "error": str(error)})
        return True

    async def _inspected(self, version: WantedVersion, artifact: Path) -> Traits:
        model = await self._onnx.load(version, artifact)
        try:
            await model.warm()
            served = ServedModel(version.name, model, self._runs.batching)
            await served.prove_rows()
            return Traits(model.signature, served.shares_runs)
        finally:
            await model.unload()

    async def _serve(self, name: VersionName, numbers: Sequence[int]) -> None:
        """Serves these versions of a model, of which `name` is new.

        Raises:
            LoadError: if that one cannot be loaded; the others are served as before.
        """
        await asyncio.to_thread(self._repository.serve, name.model, numbers)
        reason = ""
        try:
            await self._server.client.load_model(
                name.model, headers=self._server.credentials, client_timeout=_LOAD_TIMEOUT_S
            )
        except InferenceServerException as error:
            reason = told(error)
        states = await self._states(name.model)
        state, why = states.get(name.number, ("", ""))
        if state == "READY":
            return
        others = [number for number in numbers if number != name.number]
        if others:
            await asyncio.to_thread(self._repository.serve, name.model, others)
        await asyncio.to_thread(self._repository.remove, name)
        raise LoadError(f"Triton: {first_line(why) or reason or 'it is not there after its load'}")

    async def _ready(self, model: str) -> set[int]:
        states = await self._states(model)
        return {number for number, (state, _) in states.items() if state == "READY"}

    async def _states(self, model: str) -> dict[int, tuple[str, str]]:
        """State of each version of a model that Triton knows, and the reason for it.

        Raises:
            LoadError: if Triton does not say.
        """
        try:
            index = await self._server.client.get_model_repository_index(
                headers=self._server.credentials, client_timeout=_RUN_TIMEOUT_S
            )
        except InferenceServerException as error:
            raise LoadError(f"Triton: {told(error)}") from error
        return {
            int(each.version): (each.state, each.reason)
            for each in index.models
            if each.name == model and each.version
        }


class TritonModel:
    """One version in Triton.

    Attributes:
        name: its version.
        signature: as ONNX Runtime tells it.
        memory_bytes: size of its file; what more its processes hold is Triton's.
    """

    def __init__(
        self,
        engine: TritonEngine,
        server: TritonServer,
        version: WantedVersion,
        signature: Signature,
    ) -> None:
        self.name = version.name
        self.signature = signature
        self.memory_bytes = version.size_bytes
        self._engine = engine
        self._server = server

    async def warm(self) -> None:
        """Runs it once on blank inputs, through Triton.

        Raises:
            LoadError: as `OnnxModel.warm` says.
        """
        try:
            await self.infer(self.signature.blank(), self.signature.select(()))
        except RunError as error:
            if self.signature.is_exact:
                raise LoadError(f"the warm-up run failed: {error}") from error
            _log.warning("warm-up run failed on invented shapes", extra={"error": str(error)})

    async def infer(self, feed: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """Runs one request; see `LoadedModel.infer`."""
        datatypes = {spec.name: spec.datatype.value for spec in self.signature.inputs}
        inputs = []
        for name, array in feed.items():
            tensor = triton.InferInput(name, list(array.shape), datatypes[name])
            tensor.set_data_from_numpy(array)
            inputs.append(tensor)
        try:
            result: Any = await self._server.client.infer(
                self.name.model,
                inputs,
                model_version=str(self.name.number),
                outputs=[triton.InferRequestedOutput(name) for name in outputs],
                client_timeout=_RUN_TIMEOUT_S,
            )
        except InferenceServerException as error:
            raise RunError(told(error), blames_input=error.status() == _INPUT_AT_FAULT) from error
        return [result.as_numpy(name) for name in outputs]

    async def unload(self) -> None:
        """Has Triton let go of it; a server that is stopped has."""
        await self._engine.unload(self)


def told(error: InferenceServerException) -> str:
    """What Triton said, on one line."""
    return " ".join(str(error.message() or error).split())


def first_line(text: str) -> str:
    """The first line of a reason, which a traceback may follow."""
    return text.partition("\n")[0].strip()
