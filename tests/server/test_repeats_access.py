"""Requests that are answered before they are parsed need a key and are counted as all others."""

from __future__ import annotations

import hashlib
import json
import re
import socket
from collections.abc import Mapping

from tests.server.processes import HOST, service


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
