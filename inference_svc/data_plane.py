"""What both transports answer from."""

from __future__ import annotations

from dataclasses import dataclass, replace

from inference_svc.domain import classification, tensors
from inference_svc.domain.parameters import parse_patience
from inference_svc.domain.requests import InferRequest, InferResponse
from inference_svc.domain.tensors import Tensor
from inference_svc.fixed_settings import FixedSettings
from inference_svc.predictor import Predictor
from inference_svc.repository import Repository
from inference_svc.shared_memory import SharedMemory


@dataclass(frozen=True, slots=True)
class DataPlane:
    """The parts of this replica that a client can reach, whatever it speaks."""

    predictor: Predictor
    repository: Repository
    memory: SharedMemory
    settings: FixedSettings

    async def infer(
        self, request: InferRequest, *, timeout_s: float | None = None
    ) -> InferResponse:
        """Runs a request, and hands its outputs over as it asks.

        Args:
            timeout_s: see `Predictor.infer`; what the request says itself counts if
                it is shorter.

        Raises:
            AlgoLinkError: what `Predictor.infer` and `SharedMemory.write` raise,
                and InvalidArgument CLASSIFICATION_UNSUPPORTED or PARAMETER_INVALID.
        """
        patience_s = parse_patience(request.parameters)
        if patience_s is not None:
            timeout_s = patience_s if timeout_s is None else min(timeout_s, patience_s)
        response = await self.predictor.infer(request, timeout_s=timeout_s)
        if not request.deliveries:
            return response
        outputs = [self._delivered(tensor, request, response) for tensor in response.outputs]
        return replace(response, outputs=outputs)

    def _delivered(self, tensor: Tensor, request: InferRequest, response: InferResponse) -> Tensor:
        how = request.delivery_of(tensor.name)
        if how.place is not None:
            self.memory.write(how.place, tensors.to_raw(tensor))
        if not how.classes:
            return tensor
        return classification.largest(tensor, how.classes, response.labels.get(tensor.name, ()))
