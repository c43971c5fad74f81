"""Both addresses of the protocol."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["", "/umbridge"], ids=["root", "prefix"])
def base(server: str, request: pytest.FixtureRequest) -> str:
    """The address of the protocol: the server's, or a prefix there."""
    return server + str(request.param)
