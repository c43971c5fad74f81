"""What is taken for a stored value: what was put under that key, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.cache.envelope import DIGEST_BYTES, Envelope
from tests.cache.caches import answer, cache_at, fill
from tests.redis_server import RedisServer

PLAIN = Envelope("1")
KEYED = Envelope("1", b"secret")
envelopes = st.sampled_from([PLAIN, KEYED])
keys = st.text(min_size=1, max_size=30).filter(lambda key: key.isascii())
MUTATIONS = 100_000
STORED = 300


def flipped(data: bytes, chance: random.Random) -> bytes:
    """With one or two bits changed, in different bytes."""
    changed = bytearray(data)
    for place in chance.sample(range(len(data)), chance.randint(1, 2)):
        changed[place] ^= 1 << chance.randrange(8)
    return bytes(changed)


def cut(data: bytes, chance: random.Random) -> bytes:
    """Without some of its bytes: at the start, at the end, or within."""
    start = chance.choice((0, chance.randrange(len(data))))
    end = chance.choice((len(data), chance.randrange(start, len(data))))
    whole = (start, end) == (0, len(data))
    return (
        data[:-1] if whole else data[start:end] if chance.random() < 0.5 or end <= start else data[:start] + data[end:]
    )


def longer(data: bytes, chance: random.Random) -> bytes:
    """With bytes added somewhere."""
    place = chance.randrange(len(data) + 1)
    return data[:place] + chance.randbytes(chance.randint(1, 40)) + data[place:]


def foreign(data: bytes, chance: random.Random) -> bytes:
    """Anything else."""
    return chance.randbytes(chance.choice((0, 1, len(data))))


CORRUPTIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (flipped, cut, longer, foreign)


@given(envelopes, keys, st.binary())
def test_what_is_sealed_is_read(envelope: Envelope, key: str, value: bytes) -> None:
    """Every value comes back under its key."""
    assert envelope.open(key, envelope.seal(key, value)) == value


@given(envelopes, keys, st.binary(max_size=60))
def test_no_byte_may_change(envelope: Envelope, key: str, value: bytes) -> None:
    """Each single byte, altered, makes it a miss; so does each truncation."""
    data = envelope.seal(key, value)
    for place in range(len(data)):
        assert envelope.open(key, data[:place] + bytes([data[place] ^ 0x41]) + data[place + 1 :]) is None
        assert envelope.open(key, data[:place]) is None
        assert envelope.open(key, data[place + 1 :]) is None


@given(envelopes, keys, st.binary())
def test_foreign_bytes_are_no_value(envelope: Envelope, key: str, data: bytes) -> None:
    """Nothing that was not sealed is opened, nor makes opening fail."""
    assert envelope.open(key, data) is None


@given(envelopes, keys, keys, st.binary())
def test_a_value_belongs_to_its_key(envelope: Envelope, key: str, other: str, value: bytes) -> None:
    """What was put under another key is a miss."""
    assert (envelope.open(other, envelope.seal(key, value)) == value) == (key == other)


@given(keys, st.binary())
def test_a_value_belongs_to_its_rules_and_its_secret(key: str, value: bytes) -> None:
    """Another ruleset's, another secret's and an unsigned value are misses, also where the boundaries are moved."""
    sealed = [each.seal(key, value) for each in (PLAIN, KEYED, Envelope("2"), Envelope("1", b"other"), Envelope("12"))]
    for number, envelope in enumerate((PLAIN, KEYED)):
        opened = [envelope.open(key, data) for data in sealed]
        assert [place for place, found in enumerate(opened) if found is not None] == [number]
    assert PLAIN.open("2" + key, Envelope("12").seal(key, value)) is None


@pytest.mark.parametrize("envelope", [PLAIN, KEYED], ids=["plain", "keyed"])
def test_many_corruptions(envelope: Envelope) -> None:
    """100,000 altered or swapped values: none is read (F4)."""
    chance = random.Random(4)  # noqa: S311 - the same cases on every machine
    sealed = {key: envelope.seal(key, answer(key)) for key in (f"answer:{number}" for number in range(100))}
    names = list(sealed)
    wrong = 0
    for turn in range(MUTATIONS):
        key, other = chance.sample(names, 2)
        kind = turn % (len(CORRUPTIONS) + 1)
        data = sealed[other] if kind == len(CORRUPTIONS) else CORRUPTIONS[kind](sealed[key], chance)
        wrong += data != sealed[key] and envelope.open(key, data) is not None
    assert wrong == 0
    print(f"\nF4 {MUTATIONS} values altered or swapped: {wrong} read")  # noqa: T201 - the figure is what it is run for


@pytest.mark.anyio
async def test_corruptions_in_a_server(server: RedisServer) -> None:
    """Altered and swapped values in a real server are misses, counted, and deleted."""
    chance = random.Random(5)  # noqa: S311
    names = [f"answer:{number}" for number in range(STORED)]
    async with cache_at(server.url, memory=0) as cache:
        await fill(cache, names)
        with server.client() as client:
            stored = {name: client.get(f"fluxion:1:{name}") for name in names}
            for turn, name in enumerate(names):
                kind = turn % (len(CORRUPTIONS) + 1)
                swapped = stored[names[turn - 1]]
                data = swapped if kind == len(CORRUPTIONS) else CORRUPTIONS[kind](stored[name], chance)
                client.set(f"fluxion:1:{name}", data)
            found = [name for name in names if await cache.get(name)]
            await cache._background.drain()
            assert not found
            assert cache.counts.corrupt == STORED
            assert client.dbsize() == 0
    print(f"\nF4 {STORED} values altered or swapped in Redis: {len(found)} read")  # noqa: T201


def test_the_digest_is_last() -> None:
    """An envelope costs a head and a digest."""
    assert len(PLAIN.seal("k", b"")) == 8 + 16 + 1 + 1 + DIGEST_BYTES
