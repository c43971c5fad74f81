"""Zip archives from strangers: the members' bytes, or a refusal, with every bound checked before work is done.

Read is what writers of npz files write: members stored or deflated, one directory at the end. Everything that two
readers could read differently is refused, and so is encryption. What the directory states of sizes is only believed
once it was found to be so.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from service.api.problems import MalformedBodyError, PayloadTooLargeError
from service.errors import LimitError, quote

_END = struct.Struct("<4s4H2LH")  # disk, its directory, entries here, entries, directory's size and place, comment
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_SIGNATURES = {_END: b"PK\x05\x06", _ENTRY: b"PK\x01\x02", _LOCAL: b"PK\x03\x04"}
_LONGEST_COMMENT = 2**16 - 1
_ENCRYPTED = 0x2041  # three flags: encrypted, strongly so, with a masked directory
_STORED, _DEFLATED = 0, 8
_IN_64_BITS = 2**32 - 1


@dataclass(frozen=True)
class _Entry:
    """A member as the directory states it: sizes in bytes, `start` of its local header."""

    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    start: int

    @property
    def shown(self) -> str:
        return f"the member {quote(self.name.decode('ascii', 'replace'))}"


def members(raw: bytes, most_bytes: int, most_members: int) -> dict[str, memoryview]:
    """The bytes of each member by its name.

    Raises:
        MalformedBodyError: it is not a zip archive, or one that is broken, ambiguous or encrypted.
        LimitError: more than `most_members`.
        PayloadTooLargeError: all together, unpacked, have more than `most_bytes`.
    """
    whole = memoryview(raw)
    place, count = _directory(raw)
    if count > most_members:
        raise LimitError("nodes", count, most_members, hint="so many members may an archive have")
    found: dict[bytes, _Entry] = {}
    for entry in _entries(whole, place, count):
        if entry.name in found:
            _refuse(f"{entry.shown} is there twice")
        found[entry.name] = entry
    total = sum(entry.size for entry in found.values())
    if total > most_bytes:
        detail = f"body_bytes: the members have {total} bytes unpacked, which is over the limit of {most_bytes}"
        raise PayloadTooLargeError(detail)
    return {entry.name.decode("ascii", "replace"): _content(whole[:place], entry) for entry in found.values()}


def _directory(raw: bytes) -> tuple[int, int]:
    """Where the directory starts, and how many entries it has."""
    end = raw.rfind(_SIGNATURES[_END], max(0, len(raw) - _LONGEST_COMMENT - _END.size))
    if end < 0 or end + _END.size > len(raw):
        _refuse("it has no directory; the file may be cut short")
    _, disk, first_disk, here, count, size, place, comment = _END.unpack_from(raw, end)
    if place == _IN_64_BITS or count == 2**16 - 1:
        _refuse("it has a directory in 64 bits, which no body needs")
    if disk or first_disk or here != count or place + size != end or end + _END.size + comment != len(raw):
        _refuse("its directory is not where its end says")
    return place, count


def _entries(whole: memoryview, place: int, count: int) -> Iterator[_Entry]:
    end = place
    for _ in range(count):
        fields = _unpacked(_ENTRY, whole, end)
        flags, method, crc, packed, size, name, extra, comment, start = (*fields[3:5], *fields[7:13], fields[16])
        begin = end + _ENTRY.size
        end = begin + name + extra + comment
        entry = _Entry(bytes(whole[begin : begin + name]), flags, method, crc, packed, size, start)
        _check(entry)
        yield entry
    if bytes(whole[end : end + 4]) != _SIGNATURES[_END]:
        _refuse("its directory has another length than its end says")


def _check(entry: _Entry) -> None:
    if entry.flags & _ENCRYPTED:
        _refuse(f"{entry.shown} is encrypted")
    if entry.method not in {_STORED, _DEFLATED}:
        _refuse(f"{entry.shown} is packed by method {entry.method}; only storing and deflating are read")
    if _IN_64_BITS in {entry.packed, entry.size, entry.start}:
        _refuse(f"{entry.shown} has its size in 64 bits, which no body needs")


def _content(whole: memoryview, entry: _Entry) -> memoryview:
    """The member's bytes, found to be as many as stated and to have the stated checksum."""
    fields = _unpacked(_LOCAL, whole, entry.start)
    begin = entry.start + _LOCAL.size
    name = bytes(whole[begin : begin + fields[9]])
    begin += fields[9] + fields[10]
    packed = whole[begin : begin + entry.packed]
    if name != entry.name or len(packed) != entry.packed:
        _refuse(f"{entry.shown} is not where the directory says")
    content = packed if entry.method == _STORED else _inflated(packed, entry)
    if len(content) != entry.size:
        _refuse(f"{entry.shown} does not have the {entry.size} bytes that the directory says")
    if zlib.crc32(content) != entry.crc:
        _refuse(f"{entry.shown} does not have the checksum that the directory says")
    return content


def _inflated(packed: memoryview, entry: _Entry) -> memoryview:
    """At most one byte more than the stated size, however much there is."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = stream.decompress(packed, entry.size + 1)
    except zlib.error:
        _refuse(f"{entry.shown} cannot be unpacked")
    if not stream.eof and len(content) <= entry.size:
        _refuse(f"{entry.shown} is cut short")
    return memoryview(content)


def _unpacked(form: struct.Struct, whole: memoryview, place: int) -> tuple[int, ...]:
    """The fields of a record, after its signature was found where it should be."""
    if place + form.size > len(whole) or bytes(whole[place : place + 4]) != _SIGNATURES[form]:
        _refuse("its directory points to nothing")
    return form.unpack_from(whole, place)


def _refuse(what: str) -> NoReturn:
    detail = f"The body is not a zip archive that is read here: {what}."
    raise MalformedBodyError(detail)
