"""The one data plane under both transports."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from algolink.errors import AlgoLinkError, InvalidArgument, Unavailable
from algolink.names import VersionName
from inference_svc.domain.requests import InferRequest, InferResponse, ModelMetadata
from inference_svc.domain.signature import Signature
from inference_svc.domain.statistics import Statistics
from inference_svc.domain.tensors import Array, Tensor
from inference_svc.engines import RunError
from inference_svc.host import ModelHost


class ModelFailed(AlgoLinkError):
    """The model itself failed on an input that its signature allows."""

    code = "INTERNAL"


class Predictor:
    """Answers the questions of the Open Inference Protocol."""

    def __init__(self, host: ModelHost, is_ready: Callable[[], bool]) -> None:
        """Answers from what `host` holds.

        Args:
            is_ready: whether this replica welcomes requests.
        """
        self._host = host
        self._is_ready = is_ready

    @property
    def is_ready(self) -> bool:
        """Whether this replica welcomes requests."""
        return self._is_ready()

    async def infer(
        self, request: InferRequest, *, timeout_s: float | None = None
    ) -> InferResponse:
        """Runs a request on the version that it names, or else on the champion.

        Args:
            timeout_s: a request that has waited so long does not run any more; None
                to wait for as long as the caller stays.

        Raises:
            NotFound: MODEL_NOT_FOUND or VERSION_NOT_FOUND.
            Unavailable: LOADING, LOAD_FAILED, UNLOADING or NOT_PLACED.
            InvalidArgument: what `Signature.feed` and `Signature.select` refuse,
                and MODEL_REFUSED_INPUT if the model does.
            ModelFailed: MODEL_FAILED.
            ResourceExhausted: QUEUE_FULL.
            DeadlineExceeded: DEADLINE_EXCEEDED.
        """
        with self._host.borrow(request.model, request.version) as (number, model):
            signature = model.signature
            try:
                feed = signature.feed(request.inputs)
                names = signature.select(request.outputs)
            except InvalidArgument:
                model.recorder.failed(total_ns=0)
                raise
            try:
                arrays = await model.infer(feed, names, timeout_s=timeout_s)
            except RunError as error:
                raise _told(error, request.model, number, signature, feed) from error
        outputs = [
            Tensor(name, signature.output(name).datatype, np.asarray(array))
            for name, array in zip(names, arrays, strict=True)
        ]
        return InferResponse(
            request.model, number, outputs, request.id, request.parameters, signature.labels
        )

    def statistics(
        self, model: str | None = None, version: int | None = None
    ) -> dict[VersionName, Statistics]:
        """What versions have done since they were loaded, by name.

        Args:
            model: one model's only; None for all of them.
            version: that version's only; None for all of the model's.

        Raises:
            NotFound: MODEL_NOT_FOUND or VERSION_NOT_FOUND.
            Unavailable: LOADING, LOAD_FAILED, UNLOADING or NOT_PLACED.
        """
        if model is not None:
            with self._host.borrow(model, version):
                pass  # it is here, or the caller is told why it is not
        return {
            name: statistics
            for name, statistics in self._host.statistics().items()
            if model in (None, name.model) and version in (None, name.number)
        }

    def model_metadata(self, model: str, version: int | None) -> ModelMetadata:
        """What a model takes and gives.

        Raises:
            NotFound: MODEL_NOT_FOUND or VERSION_NOT_FOUND.
            Unavailable: LOADING, LOAD_FAILED, UNLOADING or NOT_PLACED.
        """
        with self._host.borrow(model, version) as (_, loaded):
            return ModelMetadata(
                model, self._host.ready_versions(model), self._host.platform, loaded.signature
            )

    def is_model_ready(self, model: str, version: int | None) -> bool:
        """Whether the version, or else any of the model, answers requests.

        Raises:
            NotFound: MODEL_NOT_FOUND or VERSION_NOT_FOUND.
        """
        try:
            with self._host.borrow(model, version):
                return True
        except Unavailable:
            return False


def _told(
    error: RunError, model: str, number: int, signature: Signature, feed: dict[str, Array]
) -> AlgoLinkError:
    """What the caller is told of a run that failed.

    Where the signature leaves axes open, or a batch is empty, the caller may well
    have sent what the model cannot take; the runtime's error does not tell.
    """
    is_empty = any(array.size == 0 for array in feed.values())
    metadata = {"model": model, "version": number}
    if error.blames_input or is_empty or not signature.is_exact:
        return InvalidArgument(
            "MODEL_REFUSED_INPUT",
            f"version {number} of {model} refused the input: {error}",
            **metadata,
        )
    return ModelFailed("MODEL_FAILED", f"version {number} of {model} failed: {error}", **metadata)
