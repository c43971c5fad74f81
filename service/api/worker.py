"""The function of the workers. Importing it makes a process ready: the mathematics is loaded and has run once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from service.api.work import perform
from service.ops.later import load_all
from service.pool.orders import Link
from service.tasks.compute import compute
from service.tasks.messages import Task
from service.tasks.sharing import sharing


def run(head: Mapping[str, Any], body: bytes | memoryview, link: Link) -> tuple[dict[str, Any], bytes]:
    """The packed reply to an order, and what is worth knowing of how it was made."""
    with sharing(link):
        return perform(compute, head, body)


def warm_up() -> None:
    """Tables that are made at first use are made once, and shared by the processes that are forked from this one."""
    compute(Task("gradient", "x.T @ A @ x + sum(exp(x))", at={"x": np.ones(2), "A": np.eye(2)}))


def when_idle() -> None:
    """Imports what few requests need, once the first workers are at work: those forked later share it."""
    load_all()


warm_up()
