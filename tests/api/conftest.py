"""A client of the application, and the mathematics behind it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from service.main import create_app
from service.settings import Settings
from tests.api.stub import Recorder, catalogue


@pytest.fixture
def compute() -> Recorder:
    """The mathematics behind `client`."""
    return Recorder()


@pytest.fixture
def client(compute: Recorder) -> Iterator[TestClient]:
    """A client of a started application with small bounds on bodies, which computes every answer."""
    settings = Settings(body_bytes=200_000, elements=10_000, expression_bytes=1000, nodes=50, cache_bytes=0)
    with TestClient(create_app(settings, compute=compute, catalogue=catalogue)) as started:
        yield started
