"""The function of the workers. Importing it makes a process ready: the mathematics is loaded and has run once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.api.bodies import BodyBounds
from service.api.media import JSON
from service.api.requests import REQUEST_OF
from service.api.work import Bounds, perform
from service.ops.later import load_all
from service.pool.orders import Link
from service.tasks.compute import compute
from service.tasks.messages import Limits
from service.tasks.sharing import sharing


def run(head: Mapping[str, Any], body: bytes | memoryview, link: Link) -> tuple[dict[str, Any], bytes]:
    """The packed reply to an order, and what is worth knowing of how it was made."""
    with sharing(link):
        return perform(compute, head, body)


def warm_up() -> None:
    """Tables that are made at first use are made once, and shared by the processes that are forked from this one."""
    head = {"kind": "gradient", "sent": JSON, "answered": JSON, "bounds": Bounds(BodyBounds(), Limits()).plain()}
    perform(compute, head, b'{"expression": "x.T @ A @ x + sum(exp(x))", "at": {"x": [1, 1], "A": [[1, 0], [0, 1]]}}')


def when_idle() -> None:
    """Imports what few requests need, once the first workers are at work: those forked later share it."""
    load_all()
    for model in REQUEST_OF.values():
        model.model_rebuild()


warm_up()
