"""T42 to T49: what is sent around bodies, and what many requests do together."""

from __future__ import annotations

from tests.threats.rows import (
    HEADERS,
    INVALID,
    MALFORMED_HTTP,
    OK,
    OTHER_TYPE,
    PARSE,
    TOO_LARGE,
    Attack,
    Row,
    Shown,
    attack,
    message,
    text,
)

SLOW_CLIENTS, EDGE_FAULTS = "tests/server/test_slow_clients.py", "tests/server/test_faults.py"
BODY = b'{"expression": "x", "forms": []}'
POST = b"POST /v1/gradient HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n"
CHUNKED, CHUNK = b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b" " * 65_536 + b"\r\n"
FORM = b'--a\r\nContent-Disposition: form-data; name="x"\r\n\r\n' + b"x" * 100_000 + b"\r\n--a--\r\n"
RANGES = ",".join(f"{k}-{k}" for k in range(3000))
ASYNC = {"Prefer": "respond-async"}
COMMAND = "x\r\nFLUSHALL\r\n"


def framed(about: str, fields: bytes, rest: bytes = b"") -> Attack:
    """A request that can be read in two ways, or in none."""
    return Attack(about, POST + fields + b"\r\n" + rest, MALFORMED_HTTP)


WIRE: dict[str, Row] = {
    "T42": (
        Attack("400 MB, as it says", POST + b"Content-Length: 400000000\r\n\r\n", TOO_LARGE),
        Attack("chunks without end", POST + CHUNKED + CHUNK * 600 + b"0\r\n\r\n", TOO_LARGE),
        attack("a header of 40 KB", BODY, HEADERS, headers={"X-Long": "a" * 40_000}),
        attack("120 headers", BODY, HEADERS, headers={f"X-{k}": "a" for k in range(120)}),
        attack("an address of 40 KB", BODY, HEADERS, path="/" + "a" * 40_000),
        Shown(EDGE_FAULTS, "test_floods_are_not_kept"),
        Shown("tests/server/test_framing.py", "test_headers_are_bounded"),
    ),
    "T43": (
        Shown(SLOW_CLIENTS, "test_a_slow_part_of_a_request"),
        Shown(SLOW_CLIENTS, "test_two_thousand_slow_clients"),
    ),
    "T44": (
        Shown(EDGE_FAULTS, "test_no_descriptors_are_left"),
        Shown(SLOW_CLIENTS, "test_those_that_were_refused_make_place"),
        Shown(SLOW_CLIENTS, "test_one_address_has_a_bound_of_its_own"),
    ),
    "T45": (
        framed("a length and chunks", b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
        framed("two lengths", b"Content-Length: 1\r\nContent-Length: 2\r\n", b"ab"),
        framed("a length with a sign", b"Content-Length: +1\r\n", b"a"),
        framed("a folded line", b"X-A: a\r\n b\r\n"),
        framed("a second host", b"Host: b\r\n"),
        framed("gzip, chunked", b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
        framed("a chunk of no length", b"Transfer-Encoding: chunked\r\n", b"zz\r\n"),
        framed("a chunk longer than it says", b"Transfer-Encoding: chunked\r\n", b"1\r\nab\r\n0\r\n\r\n"),
        Attack("bare line feeds", b"GET /healthz HTTP/1.1\nHost: a\n\n", MALFORMED_HTTP),
        Attack("no host", b"GET /healthz HTTP/1.1\r\n\r\n", MALFORMED_HTTP),
        Shown("tests/server/test_framing.py", "test_what_is_not_http_gets_a_400"),
    ),
    "T46": (
        Shown(SLOW_CLIENTS, "test_a_client_that_reads_nothing"),
        Shown("tests/jobs/test_http.py", "test_streams_are_bounded"),
    ),
    "T47": (
        text("x", INVALID, about="a command of Redis' as a name", variables={COMMAND: {"shape": []}}),
        text(COMMAND, PARSE, about="a command of Redis' as a second line"),
        text("<script>alert(1)</script>", PARSE),
        text("%n%s%x" * 100, PARSE),
        attack("a command as a field", {"expression": "x", COMMAND: 1}, INVALID),
        attack("a command in the address", BODY, (404, "not-found"), path="/v1/gradient%0d%0aFLUSHALL"),
        attack("escapes for a terminal as a header", BODY, OK, headers={"traceparent": "\x9b31m" * 10}),
        attack("words for a number", BODY, INVALID, headers={"X-Request-Timeout": "nan"}),
        attack("a time of 3000 digits", BODY, INVALID, headers={"Prefer": "wait=" + "9" * 3000}),
        attack("a pattern as a key", BODY, INVALID, headers=ASYNC | {"Idempotency-Key": "*:[a-z]{}"}),
        attack("5000 bytes as a key", BODY, INVALID, headers=ASYNC | {"Idempotency-Key": "a" * 5000}),
        attack("a control character as a key", BODY, MALFORMED_HTTP, headers=ASYNC | {"Idempotency-Key": "a\x01"}),
        attack("a pattern as a job", b"", (404, "not-found"), path="/v1/jobs/*", method="DELETE", media=None),
        attack("a path as a job", b"", (404, "not-found"), path="/v1/jobs/..%2f..%2fetc", method="GET", media=None),
        Shown("tests/api/test_sight.py", "test_a_console_gets_no_commands"),
        Shown("tests/server/test_framing.py", "test_what_is_not_http_gets_a_400"),
    ),
    "T48": (
        Shown("tests/api/test_access.py", "test_each_key_has_its_own_rate"),
        Shown("tests/api/test_access.py", "test_computing_costs"),
    ),
    "T49": (
        attack("a form", FORM, OTHER_TYPE, media="multipart/form-data; boundary=a"),
        Attack("3000 ranges", message(b"", path="/docs", method="GET", headers={"Range": f"bytes={RANGES}"}), OK),
    ),
}
