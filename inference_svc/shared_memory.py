"""System shared memory that clients on this machine have registered.

Regions are read and written as files and not mapped: a region that its owner
shrinks or removes is then an error of one request, and not the end of the process.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from algolink.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from algolink.names import shown
from inference_svc.domain.regions import Place

_FOLDER: Final = Path("/dev/shm")  # noqa: S108  where POSIX shared memory lives on Linux
_KEY: Final = re.compile("/?([^/\0]{1,254})")
_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Region:
    """A registered region.

    Attributes:
        key: the shared memory object's name, as the client gave it.
        offset: of the region in the object, in bytes.
        size_bytes: of the region.
    """

    name: str
    key: str
    offset: int
    size_bytes: int


class SharedMemory:
    """Registered regions by name, each held open until it is unregistered.

    Whoever makes it closes it.
    """

    def __init__(self) -> None:
        self._regions: dict[str, tuple[Region, int]] = {}

    def close(self) -> None:
        """Unregisters all regions."""
        self.unregister("")

    def regions(self, name: str = "") -> list[Region]:
        """The region of that name, or all of them.

        Raises:
            NotFound: REGION_UNKNOWN.
        """
        if not name:
            return [region for region, _ in self._regions.values()]
        if name not in self._regions:
            raise NotFound(
                "REGION_UNKNOWN", f"no region is registered as {shown(name)}", region=shown(name)
            )
        return [self._regions[name][0]]

    def register(self, region: Region) -> None:
        """Opens a region.

        Raises:
            InvalidArgument: REGION_INVALID, for a name or key that can be none, or
                a region that exceeds its object.
            AlreadyExists: REGION_EXISTS.
            NotFound: SHARED_MEMORY_NOT_FOUND, if this machine has no such object,
                or it cannot be opened.
        """
        if not region.name:
            raise _invalid(region, "it has no name")
        if region.name in self._regions:
            raise AlreadyExists(
                "REGION_EXISTS",
                f"a region is registered as {shown(region.name)} already: unregister it first",
                region=shown(region.name),
            )
        file = _open(region)
        try:
            _check_object(region, os.fstat(file))
        except InvalidArgument:
            os.close(file)
            raise
        self._regions[region.name] = region, file

    def unregister(self, name: str) -> None:
        """Lets go of a region, or of all if `name` is empty; one that is not there is no error."""
        for gone in [name] if name else list(self._regions):
            held = self._regions.pop(gone, None)
            if held is not None:
                os.close(held[1])

    def read(self, place: Place) -> bytes:
        """The bytes at a place; see `regions.Reader`."""
        region, file = self._held(place, place.size_bytes)
        octets = os.pread(file, place.size_bytes, region.offset + place.offset)
        if len(octets) != place.size_bytes:
            raise _gone(region)
        return octets

    def write(self, place: Place, octets: bytes) -> None:
        """Writes `octets` at a place.

        Raises:
            InvalidArgument: REGION_UNKNOWN or REGION_EXCEEDED.
            FailedPrecondition: REGION_GONE, if its owner has shrunk it.
        """
        region, file = self._held(place, len(octets))
        begin = region.offset + place.offset
        # Writing past its end would make the object larger, which is its owner's to do.
        if os.fstat(file).st_size < begin + len(octets):
            raise _gone(region)
        os.pwrite(file, octets, begin)

    def _held(self, place: Place, size_bytes: int) -> tuple[Region, int]:
        held = self._regions.get(place.region)
        if held is None:
            raise InvalidArgument(
                "REGION_UNKNOWN",
                f"no region is registered as {shown(place.region)}",
                region=shown(place.region),
            )
        region = held[0]
        if size_bytes > place.size_bytes or place.offset + place.size_bytes > region.size_bytes:
            raise InvalidArgument(
                "REGION_EXCEEDED",
                f"{size_bytes} bytes at {place.offset} do not fit: the request names "
                f"{place.size_bytes} bytes, and region {shown(region.name)} has "
                f"{region.size_bytes}",
                region=shown(region.name),
                offset=place.offset,
                byte_size=place.size_bytes,
            )
        return held


def no_cuda(name: str) -> FailedPrecondition:
    """What a client gets that would share the memory of a GPU."""
    return FailedPrecondition(
        "CUDA_MEMORY_UNAVAILABLE",
        f"region {shown(name)} is not registered: tensors are taken and given in the memory of "
        "the machine, not of a GPU",
        region=shown(name),
    )


def _open(region: Region) -> int:
    key = _KEY.fullmatch(region.key)
    if key is None or key[1] in (".", ".."):
        raise _invalid(region, f"{shown(region.key)} is no key of shared memory")
    try:
        return os.open(_FOLDER / key[1], os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise NotFound(
            "SHARED_MEMORY_NOT_FOUND",
            f"shared memory {shown(region.key)} cannot be opened here: {error.strerror}",
            key=shown(region.key),
        ) from error


def _check_object(region: Region, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _invalid(region, f"{shown(region.key)} is no shared memory")
    if region.size_bytes == 0 or region.offset + region.size_bytes > min(status.st_size, _LARGEST):
        raise _invalid(
            region,
            f"{region.size_bytes} bytes at {region.offset} are no part of "
            f"the {status.st_size} bytes of {shown(region.key)}",
        )


def _invalid(region: Region, why: str) -> InvalidArgument:
    return InvalidArgument(
        "REGION_INVALID",
        f"region {shown(region.name)} cannot be registered: {why}",
        region=shown(region.name),
        key=shown(region.key),
        offset=region.offset,
        byte_size=region.size_bytes,
    )


def _gone(region: Region) -> FailedPrecondition:
    return FailedPrecondition(
        "REGION_GONE",
        f"shared memory {shown(region.key)} is smaller now than when it was registered",
        region=shown(region.name),
        key=shown(region.key),
    )
