"""T24 to T41: bodies that are not what they say, and numbers and names that are easily confused."""

from __future__ import annotations

import gzip
import io
import zipfile
from typing import Any

from tests.api.archive import NPZ, npy, npz, stated, zipped
from tests.threats.rows import (
    INVALID,
    LIMIT,
    MALFORMED,
    OK,
    OTHER_TYPE,
    PARSE,
    TOO_LARGE,
    UNKNOWN,
    Row,
    Shown,
    attack,
    text,
)
from tests.threats.texts import chain

ARCHIVE = NPZ["Content-Type"]
HOSTILE_NPZ = "tests/api/test_hostile_npz.py"
PICKLE = b"\x80\x04\x95\x1b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94\x8c\x06getpid\x94\x93\x94)R\x94."
# A tensor whose data are in another file, as ONNX has it.
ONNX = b"\x08\x07\x12\x04test:\x40B\x01wj\x1a\x0a\x08location\x12\x0e../../secret"


NODE = {"type": "node", "index": 1}
RANGES = [["Limits", f"k{place}", 1, 1000] for place in range(6)]


def nonlinear(nodes: list[Any]) -> dict[str, Any]:
    """A function of MathOptFormat."""
    content = {"type": "ScalarNonlinearFunction", "root": NODE, "node_list": nodes}
    return {"model": {"format": "mathoptformat", "content": content}, "forms": []}


def mathjson(content: Any) -> dict[str, Any]:
    """An expression of MathJSON."""
    return {"model": {"format": "mathjson", "content": content}, "forms": []}


def bomb() -> bytes:
    """An archive that is small only as long as it is packed."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("request.npy", npy([0.0]))
        archive.writestr("at/x.npy", bytes(100 << 20))
    return file.getvalue()


def archived(content: bytes) -> bytes:
    """An archive with this for the value of x."""
    return zipped({"at/x.npy": content})


BODIES: dict[str, Row] = {
    "T24": (
        attack("100000 arrays", b"[" * 100_000, MALFORMED),
        attack("50000 arrays, closed", b"[" * 50_000 + b"]" * 50_000, MALFORMED),
        attack("10000 objects", b'{"a":' * 10_000 + b"1" + b"}" * 10_000, MALFORMED),
        attack("a million empty arrays", b'{"at": [' + b"[]," * 1_000_000 + b"[]]}", LIMIT),
    ),
    "T25": (
        attack("NaN", b'{"expression":NaN}', MALFORMED),
        attack("Infinity", b'{"expression":"x","at":{"x":-Infinity}}', MALFORMED),
        attack("1e999 for a text", b'{"expression":1e999}', INVALID),
        attack("1e999 for a number", b'{"expression":"x","at":{"x":1e999}}', INVALID),
    ),
    "T26": (
        attack("half a surrogate pair as text", b'{"expression":"\\ud800"}', MALFORMED),
        attack("half a surrogate pair as a field", b'{"\\udfff":1}', MALFORMED),
        attack("half a surrogate pair in UTF-8", b'{"expression":"\xed\xa0\x80"}', MALFORMED),
        attack("bytes that are no UTF-8", b'{"expression":"\xff\xfe"}', MALFORMED),
    ),
    "T27": (
        attack("a pickle", PICKLE, OTHER_TYPE, media="application/octet-stream"),
        attack("a pickle without a type", PICKLE, OTHER_TYPE, media=None),
        attack("a pickle as JSON", PICKLE, MALFORMED),
        attack("a picture", b"\x89PNG\r\n\x1a\n\x80", OTHER_TYPE, media="image/png"),
        attack("npy", npy([1.0]), OTHER_TYPE, media="application/x-npy"),
    ),
    "T28": (
        attack("5 MB of another type", {"expression": ["x" * 5_000_000]}, INVALID),
        attack("5 MB as a name", {"expression": "x", "x" * 5_000_000: 1}, INVALID),
        attack("100000 wrong entries", {"expression": "x", "wrt": [1.5] * 19_000}, INVALID),
        attack("5 MB of text", {"expression": "x" * 5_000_000}, LIMIT),
    ),
    "T29": (
        Shown("tests/api/test_server.py", "test_a_connection_survives_errors"),
        Shown("tests/api/test_problems.py", "test_a_defect_is_well_formed_and_tells_nothing"),
    ),
    "T30": (
        text("log(x)", OK, at={"x": 0}, kind="evaluate", holds='"neginf":[0]'),
        text("log(x)", OK, at={"x": -1}, holds='"nan":[0]'),
        text("exp(x)", OK, at={"x": 1e308}, holds='"posinf":[0]'),
        text("x", OK, at={"x": {"shape": [], "data": ["NaN"]}}, kind="evaluate", holds='"nan":[0]'),
    ),
    "T31": (
        attack("a field twice", b'{"expression":"x","expression":"y"}', MALFORMED),
        attack("a field twice, once escaped", b'{"expression":"x","\\u0065xpression":"y"}', MALFORMED),
        attack("a value twice", b'{"expression":"x","at":{"x":1,"x":2}}', MALFORMED),
    ),
    "T32": (
        text("\uff45\uff58\uff45\uff43(1)", PARSE, about="exec in full-width letters"),
        text("\u210c + H", PARSE, about="two letters that Python makes one"),
        text("x", INVALID, variables={"\u210c": {"shape": []}}, about="a name that Python would change"),
        text("x", INVALID, variables={"__x": {"shape": []}}, about="a name with two underscores"),
        text("x\u202e + 1", PARSE, about="a mark that turns the line around"),
    ),
    "T33": (
        text("1/x", OK, at={"x": 0.0}, kind="evaluate", holds='"posinf":[0]', about="a zero"),
        text("1/x", OK, at={"x": -0.0}, kind="evaluate", holds='"neginf":[0]', about="a zero with a sign"),
        text("x", INVALID, at={"x": True}, kind="evaluate", about="true for a number"),
        text("x/2", OK, at={"x": 1}, kind="evaluate", holds='"data":[0.5]', about="1"),
        text("x/2", OK, at={"x": 1.0}, kind="evaluate", holds='"data":[0.5]', about="1.0"),
        Shown("tests/frontends/test_identity.py", "test_meaning_does"),
        Shown("tests/frontends/test_identity.py", "test_kinds_of_attributes_are_told_apart"),
    ),
    "T34": (
        Shown("tests/cache/test_envelope.py", "test_many_corruptions"),
        Shown("tests/cache/test_envelope.py", "test_corruptions_in_a_server"),
        Shown("tests/architecture/test_sources.py", "test_nothing_that_pickles_is_imported"),
    ),
    "T35": (Shown("tests/cache/test_faults.py", "test_a_cancelled_question_leaves_no_reply_behind"),),
    "T36": (Shown("tests/cache/test_contract.py", "test_three_rights_suffice"),),
    "T37": (
        attack("a model with data in another file", ONNX, OTHER_TYPE, media="application/onnx"),
        attack("a model as an archive", ONNX, MALFORMED, media=ARCHIVE),
        attack("a path among the members", zipped({"../../secret.npy": npy([1.0])}), INVALID, media=ARCHIVE),
    ),
    "T38": (
        attack("a model of 4 GiB, as it says", b"\x0a\xff\xff\xff\xff\x0f", OTHER_TYPE, media="application/x-protobuf"),
        attack("a graph of too many nodes", chain(20_000), LIMIT),
        attack("a function of nodes made of each other", nonlinear([{"type": "sin", "args": [NODE]}]), PARSE),
        attack("a function of too many nodes", nonlinear([{"type": "sin", "args": ["x"]}] * 20_001), LIMIT),
        attack("code for an operator", nonlinear([{"type": "__import__('os')", "args": ["x"]}]), UNKNOWN),
        attack("a sum of 10**18 terms", mathjson(["Sum", "k", *RANGES]), LIMIT),
        attack("code for a symbol", mathjson(["Sin", "__import__('os').getpid()"]), PARSE),
    ),
    "T39": (
        attack("32 GiB, as it says", archived(stated("(4294967296,)")), LIMIT, media=ARCHIVE),
        attack("an axis of 24 digits", archived(stated(f"({10**23},)")), LIMIT, media=ARCHIVE),
        attack("less than stated", archived(stated("(3,)", entries=bytes(16))), MALFORMED, media=ARCHIVE),
        attack("objects", archived(stated("(1,)", descr="'|O'", entries=PICKLE)), INVALID, media=ARCHIVE),
        attack("a header of 60 KB", archived(b"\x93NUMPY\x01\x00\x60\xea" + b" " * 60_000), MALFORMED, media=ARCHIVE),
        Shown(HOSTILE_NPZ, "test_what_is_wrong_is_named"),
        Shown(HOSTILE_NPZ, "test_no_header_is_a_defect"),
    ),
    "T40": (
        attack("100 MB in 100 KB", bomb(), TOO_LARGE, media=ARCHIVE),
        attack("a path among the members", zipped({"at/../x.npy": npy([1.0])}), INVALID, media=ARCHIVE),
        attack("an honest archive", npz({"expression": "x**2"}, {"at/x": 3.0}), OK, media=ARCHIVE),
        Shown(HOSTILE_NPZ, "test_a_bomb_that_lies_is_stopped"),
    ),
    "T41": (
        attack("100 MB in 100 KB", gzip.compress(bytes(100 << 20)), OTHER_TYPE, headers={"Content-Encoding": "gzip"}),
        attack("a coding of its own", b"{}", OTHER_TYPE, headers={"Content-Encoding": "br, gzip"}),
    ),
}
