"""A service that computes wrongly does not start."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable

import numpy as np
import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from service.main import create_app
from service.settings import Settings
from service.tasks.messages import Answer, Limits, Task
from tests.api.asserting import problem
from tests.api.stub import catalogue, square


def wrong(task: Task) -> Answer:
    """Forgets a factor."""
    answer = square(task)
    block = dataclasses.replace(answer.blocks[0], value=np.array([1.0, 2.0]))
    return dataclasses.replace(answer, blocks=(block,))


def empty(task: Task) -> Answer:
    """Answers no derivative."""
    return dataclasses.replace(square(task), blocks=())


@pytest.mark.parametrize("compute", [wrong, empty])
def test_a_wrong_gradient_stops_the_start(compute: Callable[[Task], Answer]) -> None:
    """The self-check looks at the numbers."""
    with (
        pytest.raises(RuntimeError, match="self-check"),
        TestClient(create_app(Settings(), compute=compute, catalogue=catalogue)),
    ):
        pass


def test_readiness_follows_the_life_of_the_service() -> None:
    """Before the start and after the end it takes no requests, and says so."""
    app = create_app(Settings(), compute=square, catalogue=catalogue)
    before = TestClient(app).get("/readyz")
    problem(before, 503, "shutting-down")
    assert before.headers["retry-after"] == "1"
    with TestClient(app) as client:
        assert client.get("/readyz").status_code == 200
    problem(TestClient(app).get("/readyz"), 503, "shutting-down")


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names have the prefix, values are checked, and nothing can be changed later."""
    monkeypatch.setenv("FLUXION_PORT", "9000")
    monkeypatch.setenv("FLUXION_NODES", "7")
    settings = Settings()
    assert settings.port == 9000
    assert settings.limits() == Limits(nodes=7, threads=os.cpu_count() or 1)
    monkeypatch.setenv("FLUXION_THREADS", "3")
    assert Settings().limits().threads == 3
    with pytest.raises(ValidationError):
        settings.port = 1
    monkeypatch.setenv("FLUXION_PORT", "70000")
    with pytest.raises(ValidationError):
        Settings()
