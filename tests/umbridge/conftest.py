"""One running service for the tests of the protocol."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.service_process import HOST, running_service


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a service."""
    with running_service(workers=1) as port:
        yield f"http://{HOST}:{port}"


@pytest.fixture(params=["", "/umbridge"], ids=["root", "prefix"])
def base(server: str, request: pytest.FixtureRequest) -> str:
    """The address of the protocol: the server's, or a prefix there."""
    return server + str(request.param)
