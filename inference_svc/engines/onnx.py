"""ONNX Runtime in this process."""

from __future__ import annotations

import asyncio
import functools
import logging
import mmap
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from algolink.names import VersionName
from inference_svc.domain.datatypes import Datatype
from inference_svc.domain.holding import WantedVersion
from inference_svc.domain.signature import FREE, Signature, TensorSpec
from inference_svc.domain.tensors import Array
from inference_svc.engines import LoadError, RunError, onnx_bfloat16, onnx_labels, providers
from inference_svc.engines.pace import Pace
from inference_svc.engines.providers import Provider

if TYPE_CHECKING:
    import onnxruntime

_log = logging.getLogger(__name__)

_DATATYPE: Final = {
    "tensor(bool)": Datatype.BOOL,
    "tensor(int8)": Datatype.INT8,
    "tensor(int16)": Datatype.INT16,
    "tensor(int32)": Datatype.INT32,
    "tensor(int64)": Datatype.INT64,
    "tensor(uint8)": Datatype.UINT8,
    "tensor(uint16)": Datatype.UINT16,
    "tensor(uint32)": Datatype.UINT32,
    "tensor(uint64)": Datatype.UINT64,
    "tensor(float16)": Datatype.FP16,
    "tensor(bfloat16)": Datatype.BF16,
    "tensor(float)": Datatype.FP32,
    "tensor(double)": Datatype.FP64,
    "tensor(string)": Datatype.BYTES,
}

_FATAL: Final = 4
"""Runtime's log level: what it says is in the exception, and belongs in no stderr."""

_SOURCE_PLACE: Final = re.compile(r"/\S*onnxruntime/\S+:\d+ (?:[^.]*\) )?")
"""Where in its own sources the runtime failed: nothing that a caller can use."""


_UNBOUNDED: Final = (b"\x22\x04Loop", b"\x22\x04Scan")
"""Operators that may run for as long as their data says, as an ONNX file spells them."""


class OnnxEngine:
    """Loads ONNX files.

    Runs happen on a pool of threads, so that a slow model does not hold up the
    event loop; ONNX Runtime gives up the interpreter's lock while it computes.
    Runs that are known to be shorter than the way to a thread and back happen on
    the event loop itself. Whoever makes the engine closes it.
    """

    platform = "onnxruntime_onnx"

    def __init__(
        self,
        *,
        concurrency: int,
        threads_per_run: int,
        provider: Provider = Provider.CPU,
        short_run_ns: int = 0,
    ) -> None:
        """Starts no thread yet.

        Args:
            concurrency: runs at a time, of all models together; at least 1.
            threads_per_run: threads that share the work of one run; at least 1.
            provider: what it computes on.
            short_run_ns: runs expected to be shorter happen on the event loop.

        Raises:
            FailedPrecondition: EXECUTION_PROVIDER_MISSING.
        """
        if provider is not Provider.CPU:
            import onnxruntime as ort

            providers.check(provider, ort.get_available_providers())
        self._provider = provider
        self._short_run_ns = short_run_ns
        self._threads_per_run = threads_per_run
        self._runs = ThreadPoolExecutor(concurrency, thread_name_prefix="onnx")

    async def load(self, version: WantedVersion, artifact: Path) -> OnnxModel:  # noqa: ARG002 - its file says it all
        """Loads an ONNX file.

        Raises:
            LoadError: if ONNX Runtime refuses it, or it has a tensor that the
                protocol has no data type for, or labels that do not fit.
        """
        # Not among the runs: reading a large file would keep requests waiting.
        session = await asyncio.to_thread(_open, artifact, self._threads_per_run, self._provider)
        signature = _signature(session)
        try:
            size = await asyncio.to_thread(lambda: artifact.stat().st_size)
            is_bounded = await asyncio.to_thread(_is_bounded, artifact)
        except OSError as error:
            raise LoadError(str(error)) from error
        # A thread that waits for a device is not short of work: it holds up the loop.
        is_predictable = is_bounded and self._provider is Provider.CPU
        pace = Pace(self._short_run_ns if is_predictable else 0)
        return OnnxModel(session, signature, size, self._runs, pace)

    async def forget(self, name: VersionName) -> None:
        """Does nothing: what another process loaded went with it."""

    def close(self) -> None:
        """Ends the pool; waits for runs that have begun."""
        self._runs.shutdown(cancel_futures=True)


class OnnxModel:
    """An ONNX Runtime session.

    Attributes:
        signature: as the session tells it.
        memory_bytes: size of its file; the runtime does not tell what more its
            arenas hold.
    """

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        signature: Signature,
        size_bytes: int,
        runs: ThreadPoolExecutor,
        pace: Pace,
    ) -> None:
        self.signature = signature
        self.memory_bytes = size_bytes
        self._session: onnxruntime.InferenceSession | None = session
        self._runs = runs
        self._pace = pace

    async def warm(self) -> None:
        """Runs it once on blank inputs.

        Raises:
            LoadError: if the run fails although every axis but the batch is
                known. With axes that had to be invented a failure proves nothing.
        """
        try:
            await self.infer(self.signature.blank(), self.signature.select(()))
        except RunError as error:
            if self.signature.is_exact:
                raise LoadError(f"the warm-up run failed: {error}") from error
            _log.warning("warm-up run failed on invented shapes", extra={"error": str(error)})

    async def infer(self, feed: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """Runs one batch; see `LoadedModel.infer`.

        A caller that is cancelled leaves at once, and the run ends by itself.
        """
        session = self._session
        if session is None:
            raise RuntimeError("the model has been unloaded")
        elements = sum(array.size for array in feed.values())
        run = functools.partial(_timed_run, session, feed, outputs)
        if self._pace.is_short(elements):
            arrays, duration_ns = run()
        else:
            loop = asyncio.get_running_loop()
            arrays, duration_ns = await loop.run_in_executor(self._runs, run)
        self._pace.took(elements, duration_ns)
        return arrays

    async def unload(self) -> None:
        """Closes the session; in a thread, because freeing gigabytes takes a while."""
        session, self._session = self._session, None
        holder = [session]
        del session
        await asyncio.to_thread(holder.clear)


def _open(artifact: Path, threads: int, provider: Provider) -> onnxruntime.InferenceSession:
    # Imported with the first model: a replica answers its health check before.
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL
    # Spinning threads win microseconds alone, and lose them all to their neighbours.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    names = list(providers.names(provider))
    with _refusing():
        session = ort.InferenceSession(str(artifact), sess_options=options, providers=names)
    # One whose libraries or device are missing is left out without an error.
    if session.get_providers()[0] != names[0]:
        raise LoadError(f"{names[0]} does not start: its device or its libraries are missing")
    return onnx_bfloat16.adapted(session)


def _is_bounded(artifact: Path) -> bool:
    """Whether the size of its input alone says how long a run takes, at most."""
    with (
        artifact.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        return all(content.find(operator) < 0 for operator in _UNBOUNDED)


def _timed_run(
    session: onnxruntime.InferenceSession, feed: Mapping[str, Array], outputs: Sequence[str]
) -> tuple[list[Array], int]:
    """What `_run` gives, and how long it kept this thread busy, in nanoseconds.

    The thread's own time, because what neighbours take from a busy machine would
    be taken from the run wherever it happened.
    """
    started_ns = time.thread_time_ns()
    arrays = _run(session, feed, outputs)
    return arrays, time.thread_time_ns() - started_ns


def _run(
    session: onnxruntime.InferenceSession, feed: Mapping[str, Array], outputs: Sequence[str]
) -> list[Array]:
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    inputs = _texts(feed)
    try:
        arrays: list[Array] = session.run(list(outputs), inputs, _run_options())
    except state.InvalidArgument as error:
        raise RunError(_readable(error), blames_input=True) from error
    except Exception as error:  # the runtime's errors share no other base
        raise RunError(_readable(error), blames_input=False) from error
    return arrays


@functools.cache
def _run_options() -> Any:
    import onnxruntime as ort

    options = ort.RunOptions()
    options.log_severity_level = _FATAL
    return options


def _texts(feed: Mapping[str, Array]) -> Mapping[str, Array]:
    """`feed` with `str` for `bytes`, which is how ONNX Runtime takes strings."""
    if not any(array.dtype.kind == "O" for array in feed.values()):
        return feed
    return {
        name: _decoded(name, array) if array.dtype.kind == "O" else array
        for name, array in feed.items()
    }


def _decoded(name: str, array: Array) -> Array:
    texts = np.empty(array.size, dtype=np.object_)
    for index, element in enumerate(array.flat):
        try:
            texts[index] = element.decode() if isinstance(element, bytes) else element
        except UnicodeDecodeError as error:
            raise RunError(
                f"input {name}: element {index} is not UTF-8, and ONNX strings are",
                blames_input=True,
            ) from error
    return texts.reshape(array.shape)


def _signature(session: onnxruntime.InferenceSession) -> Signature:
    return Signature(
        inputs=tuple(_spec(node, "input") for node in session.get_inputs()),
        outputs=onnx_labels.labelled(
            [_spec(node, "output") for node in session.get_outputs()],
            session.get_modelmeta().custom_metadata_map,
        ),
    )


def _spec(node: Any, side: str) -> TensorSpec:
    datatype = _DATATYPE.get(node.type)
    if datatype is None:
        raise LoadError(
            f"{side} {node.name} is a {node.type}, which no datatype of the protocol holds"
        )
    shape = tuple(axis if isinstance(axis, int) and axis >= 0 else FREE for axis in node.shape)
    # The runtime tells a scalar and a tensor of unknown rank alike.
    return TensorSpec(node.name, datatype, shape or None)


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the runtime's errors share no other base
        raise LoadError(_readable(error)) from error


def _readable(error: Exception) -> str:
    """The runtime's words on one line, without its source files."""
    return _SOURCE_PLACE.sub("", " ".join(str(error).split()))
