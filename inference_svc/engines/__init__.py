"""What runs models, behind one small protocol that nothing above it looks past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from algolink.names import VersionName
from inference_svc.domain.holding import WantedVersion
from inference_svc.domain.signature import Signature
from inference_svc.domain.tensors import Array


class LoadError(Exception):
    """The artifact cannot be served; the text says why, in the engine's words."""


class RunError(Exception):
    """The model failed on an input that fits its signature.

    Attributes:
        blames_input: whether the engine says that the input is at fault.
    """

    def __init__(self, message: str, *, blames_input: bool) -> None:
        super().__init__(message)
        self.blames_input = blames_input


class LoadedModel(Protocol):
    """A model in memory. Whoever loaded it unloads it."""

    @property
    def signature(self) -> Signature:
        """What it takes and gives."""
        ...

    @property
    def memory_bytes(self) -> int:
        """About what it occupies."""
        ...

    async def warm(self) -> None:
        """Runs it once, so that the first request does not pay for the first run.

        Raises:
            LoadError: if an input that must be answered is not.
        """
        ...

    async def infer(self, feed: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """Runs one batch.

        Args:
            feed: arrays by name of the input; they fit the signature.
            outputs: names of the outputs to compute.

        Returns:
            one array per name in `outputs`, in that order.

        Raises:
            RunError: if the model fails.
        """
        ...

    async def unload(self) -> None:
        """Gives back its memory. No request runs on it by then, or ever after."""
        ...


class Engine(Protocol):
    """Loads models of one kind."""

    @property
    def platform(self) -> str:
        """Its name as the Open Inference Protocol's metadata tells it."""
        ...

    async def load(self, version: WantedVersion, artifact: Path) -> LoadedModel:
        """Loads the artifact of a version; its digest has been verified.

        Raises:
            LoadError: if the engine refuses it.
            AlgoLinkError: if the engine is elsewhere, as it answers.
        """
        ...

    async def forget(self, name: VersionName) -> None:
        """Lets go of a version that is not wanted, and that nobody here has loaded.

        For engines that outlive this process: one before it may have.
        """
        ...
