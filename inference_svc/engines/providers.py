"""What ONNX Runtime computes on. What is asked for and not there is refused, never replaced."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Final

from algolink.errors import FailedPrecondition


class Provider(StrEnum):
    """Hardware, through the execution provider that drives it."""

    CPU = "cpu"
    CUDA = "cuda"
    TENSORRT = "tensorrt"
    OPENVINO = "openvino"


_CPU: Final = "CPUExecutionProvider"

_IN_ORDER: Final[dict[Provider, tuple[str, ...]]] = {
    # The last one takes operators that those before it do not have.
    Provider.CPU: (_CPU,),
    Provider.CUDA: ("CUDAExecutionProvider", _CPU),
    Provider.TENSORRT: ("TensorrtExecutionProvider", "CUDAExecutionProvider", _CPU),
    Provider.OPENVINO: ("OpenVINOExecutionProvider", _CPU),
}


def names(provider: Provider) -> Sequence[str]:
    """ONNX Runtime's names for it, the preferred one first."""
    return _IN_ORDER[provider]


def check(provider: Provider, available: Collection[str]) -> None:
    """Refuses a provider that this installation of ONNX Runtime lacks.

    Raises:
        FailedPrecondition: EXECUTION_PROVIDER_MISSING.
    """
    missing = [name for name in names(provider) if name not in available]
    if missing:
        raise FailedPrecondition(
            "EXECUTION_PROVIDER_MISSING",
            f"execution provider {provider} needs {', '.join(missing)}, and this ONNX Runtime "
            f"has {', '.join(sorted(available))}",
            provider=provider,
            missing=", ".join(missing),
        )
