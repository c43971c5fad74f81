"""Real servers, one of each kind that this machine has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.redis_server import RedisServer, binaries


@pytest.fixture(params=list(binaries()) or ["absent"])
def server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """A fresh server; red, not skipped, where there is none."""
    with RedisServer(binaries().get(request.param)) as running:
        yield running


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The event loop of the service."""
    return "asyncio", {"use_uvloop": True}
