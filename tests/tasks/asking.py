"""Requests as tasks, with plain numbers and lists for arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from service.tasks.compute import compute
from service.tasks.messages import Answer, Declaration, Kind, Task

ARRAYS = ("at", "evaluate_at")


def ask(
    kind: Kind, expression: str | None, shapes: Mapping[str, tuple[int | str, ...]] | None = None, **more: Any
) -> Answer:
    """The answer to a request for no forms, unless `forms` are asked for."""
    for field in ARRAYS:
        if field in more:
            more[field] = {name: np.asarray(value, float) for name, value in more[field].items()}
    if shapes is not None:
        more["variables"] = {name: Declaration(shape) for name, shape in shapes.items()}
    return compute(Task(kind, expression, **{"forms": (), **more}))
