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
