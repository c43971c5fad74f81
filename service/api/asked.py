"""A compute request as it was sent, and the key of its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from service.tasks.messages import Kind

BRIEF = 2**18  # bytes that are hashed sooner than a thread is woken


@dataclass(frozen=True)
class Asked:
    """The kind, the media types of the body and of the answer, and the body's bytes.

    `salt` is what else an answer depends on: the version of the rules and the bounds.
    """

    kind: Kind
    sent: str
    answered: str
    raw: bytes
    salt: bytes

    async def named(self) -> Asked:
        """The same; a long body has been hashed in a thread, so that `key` does not hold up the event loop."""
        if len(self.raw) > BRIEF:
            await asyncio.to_thread(lambda: self.fingerprint)
        return self

    @cached_property
    def fingerprint(self) -> str:
        """The same for equal requests alone: only the body has bytes that the client chose at will, and it comes last.

        The bytes as sent tell 1, 1.0, true and -0.0 apart, and every option, without an idea of what they mean.
        """
        digest = sha256(f"{self.kind} {self.sent} {self.answered} ".encode())
        digest.update(self.raw)
        return digest.hexdigest()

    @cached_property
    def key(self) -> str:
        """The name of the answer: the same for equal requests with the same salt alone."""
        return "answer:" + sha256(self.salt + self.fingerprint.encode()).hexdigest()

    @property
    def etag(self) -> str:
        """The strong validator of the answer, which follows from the request alone."""
        return f'"{self.key[7:39]}"'

    @property
    def lasts(self) -> bool:
        """Whether the answer will be the same at any time; a plan says what is at hand just now."""
        return self.kind != "plan"

    @property
    def head(self) -> Mapping[str, Any]:
        """What a worker needs beside the body."""
        return {"kind": self.kind, "sent": self.sent, "answered": self.answered}
