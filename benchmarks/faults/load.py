"""Clients: requests at the rate that was asked for, whatever becomes of them, and what became of them."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

HOST = "127.0.0.1"
PATIENCE = 60.0  # seconds for one answer, after which something has gone wrong
OK, REFUSED = 200, 422
LOST = 0  # the status of a request without an answer
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Request:
    """What is asked: a kind of computation, the body, and further headers."""

    kind: str
    body: bytes
    headers: Mapping[str, str]

    @classmethod
    def of(cls, kind: str, fields: Mapping[str, Any], **headers: str) -> Request:
        """From JSON; an underscore in a header's name is a hyphen."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(kind, json.dumps(fields).encode(), JSON | named)

    @property
    def wire(self) -> bytes:
        """As HTTP."""
        fields = {"Host": HOST, "Content-Length": str(len(self.body)), **self.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"POST /v1/{self.kind} HTTP/1.1\r\n{head}\r\n".encode() + self.body


@dataclass(frozen=True)
class Answer:
    """What came back, when it was due to be asked (in seconds of the load), and how long after that it was here."""

    number: int
    due: float
    seconds: float
    status: int
    body: bytes = b""

    @property
    def code(self) -> str:
        """The code of a problem document, or the status."""
        if self.status in {LOST, OK}:
            return "lost" if self.status == LOST else "200"
        return str(json.loads(self.body).get("code", self.status))


class Client:
    """Any number of connections, of which each is used again."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, request: Request) -> tuple[int, bytes]:
        """Status and body; the status is LOST if the connection ended without an answer, or none came."""
        try:
            return await asyncio.wait_for(self._ask(request.wire), PATIENCE)
        except (OSError, EOFError, ValueError, TimeoutError):
            return LOST, b""

    async def _ask(self, sent: bytes) -> tuple[int, bytes]:
        while self._idle and self._idle[-1][0].at_eof():
            self._idle.pop()[1].close()
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(HOST, self._port)
        try:
            writer.write(sent)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(length)
        except BaseException:
            writer.close()
            raise
        if b"connection: close" in head:
            writer.close()
        else:
            self._idle.append((reader, writer))
        return int(head[9:12]), body

    def close(self) -> None:
        """Closes what is open."""
        for _, writer in self._idle:
            writer.close()


Make = Callable[[int], Request]


async def open_loop(port: int, rate: float, seconds: float, make: Make) -> list[Answer]:
    """Sends so many a second, each when it is due; the times of answers count from then."""
    client, start = Client(port), time.perf_counter()

    async def one(number: int) -> Answer:
        due = number / rate
        status, body = await client.ask(make(number))
        return Answer(number, due, time.perf_counter() - start - due, status, body)

    sent: list[asyncio.Task[Answer]] = []
    try:
        for number in range(math.ceil(rate * seconds)):
            await asyncio.sleep(max(0.0, start + number / rate - time.perf_counter()))
            sent.append(asyncio.create_task(one(number)))
        return await asyncio.gather(*sent)
    finally:
        client.close()


async def closed_loop(port: int, clients: int, seconds: float, make: Make) -> list[Answer]:
    """So many clients, each of which asks again as soon as it has an answer."""
    client, start, numbers = Client(port), time.perf_counter(), iter(range(10**9))

    async def one() -> list[Answer]:
        found = []
        while (due := time.perf_counter() - start) < seconds:
            number = next(numbers)
            status, body = await client.ask(make(number))
            found.append(Answer(number, due, time.perf_counter() - start - due, status, body))
        return found

    try:
        return [answer for part in await asyncio.gather(*(one() for _ in range(clients))) for answer in part]
    finally:
        client.close()


async def ask_all(port: int, requests: Sequence[Request]) -> list[tuple[int, bytes]]:
    """The answers to each, one after the other."""
    client = Client(port)
    try:
        return [await client.ask(request) for request in requests]
    finally:
        client.close()


def late(answers: Sequence[Answer], share: float = 0.99) -> float:
    """The seconds that so many of the answers do not exceed; 0 of none."""
    times = sorted(answer.seconds for answer in answers)
    return times[math.ceil(share * len(times)) - 1] if times else 0.0


def codes(answers: Sequence[Answer]) -> str:
    """How many there are of each outcome."""
    return ", ".join(f"{count} {code}" for code, count in Counter(answer.code for answer in answers).most_common())
