"""What tests of every room share: one service to ask, and the same random examples on every machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.service_process import HOST, running_service

# A failure can be run again.
settings.register_profile(
    "fluxion",
    derandomize=True,
    deadline=None,  # JAX traces on first use
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("fluxion")


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a service, for tests that leave it as they found it, but for functions that they register."""
    with running_service(workers=1) as port:
        yield f"http://{HOST}:{port}"
