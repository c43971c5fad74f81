"""Clients that send what they like."""

from __future__ import annotations

import json
import socket
from typing import Any

from tests.server.processes import HOST, Served

POST = b"POST /slow HTTP/1.1\r\nHost: a\r\n"


def connect(served: Served, timeout: float = 30.0) -> socket.socket:
    """A connection to the server."""
    return socket.create_connection((HOST, served.port), timeout=timeout)


def rest(raw: socket.socket) -> bytes:
    """All that comes until the server closes."""
    answer = b""
    try:
        while piece := raw.recv(65_536):
            answer += piece
    except ConnectionResetError:
        pass
    return answer


def last_words(served: Served, *pieces: bytes) -> bytes:
    """What is answered until the server closes the connection."""
    with connect(served) as raw:
        for piece in pieces:
            try:
                raw.sendall(piece)
            except OSError:
                break
        return rest(raw)


def codes(answers: bytes) -> list[tuple[int, str]]:
    """The status of every response in order, and the code of its problem document or its body."""
    found = []
    while answers:
        head, _, body = answers.partition(b"\r\n\r\n")
        lines = head.decode().lower().split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines[1:])
        length = int(fields["content-length"])
        content, answers = body[:length], body[length:]
        status = int(lines[0].split(" ")[1])
        if fields.get("content-type") == "application/problem+json":
            document: dict[str, Any] = json.loads(content)
            assert document["status"] == status
            assert fields["x-content-type-options"] == "nosniff"
            found.append((status, str(document["code"])))
        else:
            found.append((status, content.decode()))
    return found
