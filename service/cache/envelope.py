"""What surrounds a value in Redis, so that only what was put under a key is ever taken for it."""

from __future__ import annotations

import hashlib
import hmac
import struct

MAGIC = b"fluxion\x01"  # the last byte is the version of this layout
LENGTHS = struct.Struct(">IIQ")  # of ruleset, key and value
DIGEST_BYTES = 32


class Envelope:
    """Seals values: head (magic, lengths, ruleset, full key), value, SHA-256 of both, keyed if there is a secret.

    Reading parses nothing: the head that must stand there is written again and compared, then the digest.
    """

    def __init__(self, ruleset: str, secret: bytes = b"") -> None:
        self._ruleset = ruleset.encode()
        self._secret = secret

    def seal(self, key: str, value: bytes) -> bytes:
        """The value as it is stored under the key."""
        head = self._head(key, len(value))
        return b"".join((head, value, self._digest(head, memoryview(value))))

    def open(self, key: str, data: bytes) -> bytes | None:
        """The value sealed under this very key, or None where anything at all is different."""
        size = len(data) - len(self._head(key, 0)) - DIGEST_BYTES
        if size < 0:
            return None
        head = self._head(key, size)
        if not data.startswith(head):
            return None
        end = len(head) + size
        digest = self._digest(head, memoryview(data)[len(head) : end])
        return data[len(head) : end] if hmac.compare_digest(digest, data[end:]) else None

    def _head(self, key: str, size: int) -> bytes:
        name = key.encode()
        return MAGIC + LENGTHS.pack(len(self._ruleset), len(name), size) + self._ruleset + name

    def _digest(self, head: bytes, value: memoryview) -> bytes:
        digest = hmac.new(self._secret, head, hashlib.sha256) if self._secret else hashlib.sha256(head)
        digest.update(value)
        return digest.digest()
