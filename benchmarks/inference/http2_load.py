"""A load generator that costs less than what it measures.

It speaks just enough HTTP/2 to keep gRPC calls in flight, and patches bytes that
were encoded before instead of building messages. Every request has an id, a
header and a payload of its own, so no server gains by what a cache of identical
bytes would win; every answer is checked for the id of its request.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from tritonclient.grpc import service_pb2 as pb

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_END_STREAM = _ACK = 0x1
_END_HEADERS = 0x4
_FRAME = struct.Struct(">BHBBI")  # length in 1 + 2 bytes, type, flags, stream
_ID_DIGITS = 16
_WINDOW = 2**30
_MAX_CONNECTIONS = 4


@dataclass
class Load:
    """What a run measured.

    Attributes:
        latencies_s: of the requests answered, in seconds.
        errors: requests that got another answer, or none.
        wall_s: from the first request to the last answer.
    """

    latencies_s: list[float] = field(default_factory=list)
    errors: int = 0
    wall_s: float = 0.0


async def drive(
    host: str,
    port: int,
    model: str,
    width: int,
    *,
    concurrency: int,
    seconds: float,
    id_header: str = "x-request-id",
) -> Load:
    """Keeps `concurrency` requests in flight for so long, over at most four connections.

    Args:
        width: floats in each request's only input, `x` of [1, width].
        id_header: header that holds the request's id.
    """
    load = Load()
    loop = asyncio.get_running_loop()
    count = min(concurrency, _MAX_CONNECTIONS)
    started = time.perf_counter()
    connections = []
    for index in range(count):
        share = concurrency // count + (index < concurrency % count)
        requests = _Requests(f"{host}:{port}", model, width, index * 10**12, id_header.encode())
        _, connection = await loop.create_connection(
            lambda requests=requests, share=share: _Connection(  # type: ignore[misc]
                requests, share, load, until=started + seconds
            ),
            host,
            port,
        )
        connections.append(connection)
    await asyncio.wait_for(
        asyncio.gather(*(connection.done for connection in connections)), seconds + 30
    )
    load.wall_s = time.perf_counter() - started
    return load


class _Requests:
    """Frames of one unique request after the other."""

    def __init__(
        self, authority: str, model: str, width: int, first_id: int, id_header: bytes
    ) -> None:
        self._next_id = first_id
        mark = b"#" * _ID_DIGITS
        message = pb.ModelInferRequest(
            model_name=model,
            id=mark.decode(),
            inputs=[
                pb.ModelInferRequest.InferInputTensor(name="x", datatype="FP32", shape=[1, width])
            ],
            raw_input_contents=[np.linspace(-1, 1, width, dtype="<f4").tobytes()],
        ).SerializeToString()
        headers = b"\x83\x86" + b"".join(  # :method POST, :scheme http
            _literal(name, value)
            for name, value in (
                (b":path", b"/inference.GRPCInferenceService/ModelInfer"),
                (b":authority", authority.encode()),
                (b"te", b"trailers"),
                (b"content-type", b"application/grpc"),
                (b"user-agent", b"grpc-load"),
                (id_header, mark),
            )
        )
        body = struct.pack(">BI", 0, len(message)) + message
        frames = _frame(_HEADERS, _END_HEADERS, 0, headers) + _frame(_DATA, _END_STREAM, 0, body)
        data = 9 + len(headers)
        self._template = frames
        self._streams = (5, data + 5)
        self._header_id = frames.index(mark)
        self._message_id = frames.index(mark, data)
        self._payload = len(frames) - 4 * width
        self.body_bytes = len(body)

    def next(self, stream: int) -> tuple[bytes, bytes]:
        """The frames of a request that nobody has sent yet, and its id."""
        self._next_id += 1
        identity = b"%016d" % self._next_id
        frames = bytearray(self._template)
        for at in self._streams:
            struct.pack_into(">I", frames, at, stream)
        frames[self._header_id : self._header_id + _ID_DIGITS] = identity
        frames[self._message_id : self._message_id + _ID_DIGITS] = identity
        struct.pack_into("<f", frames, self._payload, self._next_id % 2**20 / 2**20)
        return bytes(frames), identity


class _Connection(asyncio.Protocol):
    """A connection with a fixed number of calls in flight."""

    def __init__(self, requests: _Requests, share: int, load: Load, until: float) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._share = share
        self._load = load
        self._until = until
        self._calls: dict[int, tuple[float, bytes]] = {}
        self._answered: set[int] = set()
        self._stream = -1
        self._buffer = b""
        self._send_window = 65_535
        self._owed = 0
        self._unread = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  for the type checker
        self._transport = transport
        settings = b"".join(
            struct.pack(">HI", key, value)
            for key, value in ((1, 0), (2, 0), (4, 2**31 - 1))  # stateless headers, no push
        )
        grown = struct.pack(">I", _WINDOW)
        transport.write(
            _PREFACE + _frame(_SETTINGS, 0, 0, settings) + _frame(_WINDOW_UPDATE, 0, 0, grown)
        )
        transport.write(self._more(self._share))

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        position, ended, replies = 0, 0, []
        while len(buffer) - position >= 9:
            high, low, kind, flags, stream = _FRAME.unpack_from(buffer, position)
            start = position + 9
            end = start + (high << 16 | low)
            if end > len(buffer):
                break
            position = end
            if kind == _DATA:
                self._unread += end - start
                if buffer.find(self._calls[stream][1], start, end) >= 0:
                    self._answered.add(stream)
            elif kind == _SETTINGS and not flags & _ACK:
                replies.append(_frame(_SETTINGS, _ACK, 0, b""))
            elif kind == _PING and not flags & _ACK:
                replies.append(_frame(_PING, _ACK, 0, buffer[start:end]))
            elif kind == _WINDOW_UPDATE and stream == 0:
                self._send_window += int.from_bytes(buffer[start:end], "big")
            elif kind == _GOAWAY:
                self._load.errors += len(self._calls)
                self._transport.close()
            if kind == _RST_STREAM or (kind in (_DATA, _HEADERS) and flags & _END_STREAM):
                ended += self._end(stream)
        self._buffer = buffer[position:]
        if self._unread > _WINDOW // 2:
            grown = struct.pack(">I", self._unread)
            replies.append(_frame(_WINDOW_UPDATE, 0, 0, grown))
            self._unread = 0
        replies.append(self._more(ended))
        self._transport.write(b"".join(replies))
        if not self._calls and not self._owed:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        self._load.errors += len(self._calls)
        if not self.done.done():
            self.done.set_result(None)

    def _end(self, stream: int) -> bool:
        call = self._calls.pop(stream, None)
        if call is None:
            return False
        if stream in self._answered:
            self._answered.discard(stream)
            self._load.latencies_s.append(time.perf_counter() - call[0])
        else:
            self._load.errors += 1
        return True

    def _more(self, count: int) -> bytes:
        """Frames of as many new calls as the peer has room for; it owes the others."""
        now = time.perf_counter()
        self._owed = self._owed + count if now < self._until else 0
        frames = []
        while self._owed and self._send_window >= self._requests.body_bytes:
            self._owed -= 1
            self._stream += 2
            request, identity = self._requests.next(self._stream)
            self._send_window -= self._requests.body_bytes
            self._calls[self._stream] = now, identity
            frames.append(request)
        return b"".join(frames)


def percentile_us(latencies_s: Iterable[float], percent: float) -> float:
    """A percentile of latencies, in microseconds; NaN if there are none."""
    values = list(latencies_s)
    return float(np.percentile(values, percent) * 1e6) if values else float("nan")


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return _FRAME.pack(len(payload) >> 16, len(payload) & 0xFFFF, kind, flags, stream) + payload


def _literal(name: bytes, value: bytes) -> bytes:
    """A header field that enters no table, both parts shorter than 127 bytes."""
    return b"\x00" + bytes((len(name),)) + name + bytes((len(value),)) + value
