"""A compute request as it was sent, and the key of its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from service.tasks.messages import Kind


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

    @cached_property
    def key(self) -> str:
        """The same for equal requests alone: every part is as long as its length says.

        The bytes as sent tell 1, 1.0, true and -0.0 apart, and every option, without an idea of what they mean.
        """
        head = f"{self.kind} {self.sent} {self.answered} {len(self.raw)} ".encode()
        return "answer:" + sha256(self.salt + head + self.raw).hexdigest()

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
