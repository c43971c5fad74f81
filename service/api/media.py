"""The media types of bodies and answers, and which of them a request states and accepts."""

from __future__ import annotations

import re

from starlette.datastructures import Headers

from service.api.problems import MEDIA_TYPE, NotAcceptableError, UnsupportedMediaTypeError
from service.errors import quote

JSON = "application/json"
NPZ = "application/x-npz"
ONNX = "application/onnx"
_QUALITY = re.compile(r"q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")


def body_type(headers: Headers, *read: str) -> str:
    """What the body is, one of those that are read.

    Raises:
        UnsupportedMediaTypeError: it is something else, or encoded, or nothing is stated.
    """
    stated = headers.get("content-type", "")
    kind, *parameters = [part.strip().lower() for part in stated.split(";")]
    known = {"", "charset=utf-8", 'charset="utf-8"'} if kind == JSON else {""}
    if kind not in read or not known.issuperset(parameters):
        found = quote(stated) if stated else "nothing"
        detail = f"Content-Type must be {' or '.join([f'{JSON} in UTF-8', *read[1:]])}; {found} was stated."
        raise UnsupportedMediaTypeError(detail)
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        detail = f"Content-Encoding {quote(encoding)} is not read; send the body as it is."
        raise UnsupportedMediaTypeError(detail)
    return kind


def answer_type(headers: Headers, *offered: str) -> str:
    """The offered type that `Accept` prefers; between equals one that is named, then the first offered.

    Raises:
        NotAcceptableError: it leaves out all of them.
    """
    ranges = _ranges(",".join(headers.getlist("accept")))
    found = max(offered, key=lambda kind: _preference(kind, ranges))
    if _preference(found, ranges)[0] > 0:
        return found
    if _preference(MEDIA_TYPE, ranges)[0] > 0:
        return offered[0]  # a client that lists only what errors are is content with plain answers
    detail = f"The answer is {' or '.join(offered)}, which the Accept header leaves out."
    raise NotAcceptableError(detail)


def _ranges(accepted: str) -> dict[str, float]:
    """The quality of each media range; without any, all types are accepted."""
    ranges: dict[str, float] = {}
    for part in accepted.split(","):
        kind, *parameters = [piece.strip().lower().replace(" ", "") for piece in part.split(";")]
        quality = next((match for match in map(_QUALITY.fullmatch, parameters) if match), None)
        if kind:
            ranges[kind] = float(quality[1]) if quality else 1.0
    return ranges or {"*/*": 1.0}


def _preference(kind: str, ranges: dict[str, float]) -> tuple[float, int]:
    """The quality of the most specific range that has the type, and how specific that is."""
    for specific, spelling in ((2, kind), (1, f"{kind.partition('/')[0]}/*"), (0, "*/*")):
        if spelling in ranges:
            return ranges[spelling], specific
    return 0.0, 0
