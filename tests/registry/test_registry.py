"""What becomes of registered functions, in memory and in Redis."""

from __future__ import annotations

import asyncio

import pytest

from service.cache.records import MemoryRecords, Records
from service.cache.redis_records import RedisRecords
from service.cache.redis_tier import RedisTier
from service.errors import LimitError, OverloadedError
from service.functions.bounds import LARGEST, FunctionBounds
from service.functions.functions import Functions
from tests.records import STORES, run
from tests.redis_server import RedisServer


@pytest.mark.parametrize("store", STORES)
def test_the_first_document_is_kept(store: str) -> None:
    """Who registers a function again gets what is there; nobody gets what is not."""

    async def scenario(records: Records) -> None:
        functions = Functions(records, FunctionBounds())
        assert await functions.register("fn_a", b"1") == (b"1", True)
        assert await functions.register("fn_a", b"2") == (b"1", False)
        assert await functions.find("fn_a") == b"1"
        assert await functions.find("fn_b") is None

    run(store, scenario)


@pytest.mark.parametrize("store", STORES)
def test_pages(store: str) -> None:
    """Every function stands on exactly one page, in the order of ids, whatever is registered in between."""

    async def scenario(records: Records) -> None:
        functions = Functions(records, FunctionBounds())
        names = [f"fn_{number:03}" for number in range(25)]
        for name in reversed(names):
            await functions.register(name, name.encode())
        found, after, pages = list[bytes](), "", 0
        while True:
            page = await functions.listed(after, 10)
            found += page.documents
            pages += 1
            await functions.register(f"fn_000{pages}", b"behind the cursor")
            if page.last is None:
                break
            after = page.last
        assert found == [name.encode() for name in names]
        assert pages == 3
        assert (await functions.listed("fn_024", 10)).documents == []

    run(store, scenario)


@pytest.mark.parametrize("store", STORES)
def test_a_function_in_use_is_kept(store: str) -> None:
    """It is forgotten so long after its last use, also by the list, and can be registered again."""

    async def scenario(records: Records) -> None:
        functions = Functions(records, FunctionBounds(function_seconds=0.6))
        await functions.register("fn_found", b"1")
        await functions.register("fn_used", b"2")
        await functions.register("fn_idle", b"3")
        for _ in range(5):
            await asyncio.sleep(0.2)
            assert await functions.find("fn_found") == b"1"
            functions.use("fn_used")
        assert await functions.find("fn_used") == b"2"
        assert await functions.find("fn_idle") is None
        assert (await functions.listed("", 10)).documents == [b"1", b"2"]
        assert await functions.register("fn_idle", b"4") == (b"4", True)

    run(store, scenario)


@pytest.mark.parametrize("store", STORES)
def test_bounds(store: str) -> None:
    """What is over one is refused by its name, and those that are kept stay."""

    async def scenario(records: Records) -> None:
        functions = Functions(records, FunctionBounds(functions=2))
        await functions.register("fn_a", b"1")
        await functions.register("fn_b", b"2")
        with pytest.raises(OverloadedError, match="functions: 2 functions"):
            await functions.register("fn_c", b"3")
        assert await functions.find("fn_c") is None
        assert await functions.register("fn_b", b"4") == (b"2", False)
        assert (await functions.listed("", 10)).documents == [b"1", b"2"]
        with pytest.raises(LimitError, match=f"function_document: {LARGEST + 1} is over the limit of {LARGEST}"):
            await functions.register("fn_d", bytes(LARGEST + 1))

    run(store, scenario)


def test_uses_at_once_renew_once() -> None:
    """Requests do not ask the store again and again, not even for a function that it has not any more."""

    async def scenario() -> None:
        records = CountingRecords(2**20)
        functions = Functions(records, FunctionBounds())
        for name in ("fn_gone", "fn_other"):
            asked = records.asked
            for _ in range(2):
                for _ in range(20):
                    functions.use(name)
                await asyncio.sleep(0.01)
            assert records.asked == asked + 1
        await functions.close()

    asyncio.run(scenario())


class CountingRecords(MemoryRecords):
    """Counts how often it is asked for values."""

    asked = 0

    async def get(self, *names: str) -> list[bytes | None]:
        """The values, or None for what is not there."""
        self.asked += 1
        return await super().get(*names)


def test_no_room_in_memory() -> None:
    """What memory has no room for is not on the list."""

    async def scenario() -> None:
        functions = Functions(MemoryRecords(20_000, bound="function_bytes"), FunctionBounds())
        await functions.register("fn_a", bytes(15_000))
        with pytest.raises(OverloadedError, match="function_bytes"):
            await functions.register("fn_b", bytes(15_000))
        assert len((await functions.listed("", 10)).documents) == 1

    asyncio.run(scenario())


def test_redis_away() -> None:
    """Nothing is called unknown that may only be out of reach."""

    async def scenario() -> None:
        with RedisServer() as server:
            functions = Functions(RedisRecords(RedisTier(server.url), b"", "functions:1"), FunctionBounds())
            await functions.register("fn_a", b"1")
            server.kill()
            with pytest.raises(OverloadedError, match="store of functions"):
                await functions.find("fn_a")
            functions.use("fn_b")
            await functions.close()

    asyncio.run(scenario())
