"""Answers over HTTP: JSON, bytes after it, and errors."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler

from algolink.errors import AlgoLinkError
from inference_svc import oip_binary

_log = logging.getLogger(__name__)

_STATUS: Final = {
    "INVALID_ARGUMENT": 400,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "FAILED_PRECONDITION": 409,
    "RESOURCE_EXHAUSTED": 429,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""HTTP status of each code that is answered; any other is 500."""

REASON_HEADER: Final = "x-algolink-reason"
"""On every error: its stable reason."""

_WORTH_BYTES: Final = 1024
"""Below this, packing costs more than it saves."""

_CODINGS: Final = {
    "gzip": web.ContentCoding.gzip,
    "x-gzip": web.ContentCoding.gzip,
    "deflate": web.ContentCoding.deflate,
    "*": web.ContentCoding.gzip,
}


def as_json(
    body: object, *, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    """An answer of JSON."""
    return web.Response(
        body=_encoded(body), status=status, headers=headers, content_type="application/json"
    )


def as_tensors(
    body: dict[str, Any], parts: Sequence[bytes], headers: dict[str, str]
) -> web.Response:
    """An answer of JSON and, if there are any, the bytes of tensors after it."""
    if not parts:
        return as_json(body, headers=headers)
    head = _encoded(body)
    return web.Response(
        body=b"".join((head, *parts)),
        headers={**headers, oip_binary.LENGTH_HEADER: str(len(head))},
        content_type="application/octet-stream",
    )


def pack(response: web.Response, accepted: str | None) -> None:
    """Has a long answer compressed, if the client takes that.

    Args:
        accepted: the request's Accept-Encoding.
    """
    coding = _preferred(accepted or "")
    if coding is not None and len(response.body or b"") >= _WORTH_BYTES:  # type: ignore[arg-type]  # bytes, as made above
        response.enable_compression(coding)


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers every error as Triton's clients read it, with its reason in a header."""
    try:
        return await handler(request)
    except AlgoLinkError as error:
        return _error(_STATUS.get(error.code, 500), error.message, error.reason)
    except web.HTTPException as error:
        return _error(error.status, error.reason, "HTTP_" + str(error.status))
    except web.RequestPayloadError as error:
        refusal = _error(400, _one_line(f"the body cannot be read: {error}"), "BODY_INVALID")
        # Where the next request would begin is not known any more.
        refusal.force_close()
        return refusal
    except Exception:  # noqa: BLE001  the last resort: logged, and told as what it is
        _log.exception("request failed unexpectedly", extra={"path": request.path})
        return _error(500, "internal error", "INTERNAL")


def _preferred(accepted: str) -> web.ContentCoding | None:
    """The coding of highest quality that is offered; of equal ones the first named."""
    best, chosen = 0.0, None
    for entry in accepted.lower().split(","):
        name, *parameters = (part.strip() for part in entry.split(";"))
        quality = _quality(parameters)
        if name in _CODINGS and quality > best:
            best, chosen = quality, _CODINGS[name]
    return chosen


def _quality(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0


def _error(status: int, message: str, reason: str) -> web.Response:
    return as_json({"error": message}, status=status, headers={REASON_HEADER: reason})


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _encoded(body: object) -> bytes:
    return json.dumps(body, separators=(",", ":"), allow_nan=False).encode()
