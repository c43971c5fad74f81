"""Requests that are answered before they are parsed are bounded, counted and refused as all others."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import time
from collections.abc import Mapping

from tests.server.processes import HOST, Served, service

SENT = 600
MOST_SENT = 350  # answers of 40 kB: what the system's buffers take is less


def request(body: Mapping[str, object], *headers: str) -> bytes:
    """A request to evaluate, as bytes."""
    content = json.dumps(body).encode()
    lines = ("POST /v1/evaluate HTTP/1.1", "Host: a", "Content-Type: application/json", *headers)
    return "\r\n".join((*lines, f"Content-Length: {len(content)}", "", "")).encode() + content


def status(raw: socket.socket, sent: bytes) -> int:
    """The status of the answer, which is read to its end."""
    raw.sendall(sent)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += raw.recv(65_536)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    while length and len(body) < int(length[1]):
        body += raw.recv(65_536)
    return int(head.split(b" ")[1])


def answered(served: Served) -> float:
    """How many evaluations were answered."""
    found = re.search(rb'requests_total\{route="/v1/evaluate",status="200"\} (\S+)', served.ask("/metrics")[1])
    return float(found[1]) if found else 0.0


def test_who_does_not_read_is_not_answered_on() -> None:
    """Answers that nobody takes are not piled up, although each of them would cost nothing."""
    sent = request({"expression": "zeros(10000)*s", "at": {"s": 1}, "forms": []})
    with service(log_level="error", send_seconds=60) as served, socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.settimeout(30)
        raw.connect((HOST, served.port))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        assert [status(raw, sent) for _ in range(3)] == [200] * 3
        raw.settimeout(0)
        for _ in range(SENT):
            try:
                raw.sendall(sent)
            except BlockingIOError:
                break
            time.sleep(0.005)  # each is a piece of its own for the server
        assert 3 <= answered(served) < MOST_SENT


def test_a_repeated_request_needs_its_key() -> None:
    """What was answered to one key is not answered to another, nor to none."""
    setting = "ada:" + hashlib.sha256(b"right").hexdigest()
    body = {"expression": "x**2", "at": {"x": 3}}
    with service(log_level="error", api_keys=setting) as served:
        for _ in range(3):
            for key, expected in (("right", 200), ("wrong", 401), ("", 401)):
                headers = [f"Authorization: Bearer {key}"] if key else []
                with socket.create_connection((HOST, served.port), timeout=30) as raw:
                    assert status(raw, request(body, *headers)) == expected


def test_a_repeated_request_is_counted() -> None:
    """A rate holds for requests that were answered before."""
    sent = request({"expression": "x**2", "at": {"x": 3}})
    with (
        service(log_level="error", rate_limit="20/hour") as served,
        socket.create_connection((HOST, served.port), timeout=30) as raw,
    ):
        found = [status(raw, sent) for _ in range(25)]
    assert set(found[20:]) == {429}
