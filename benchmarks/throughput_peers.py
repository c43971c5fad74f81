"""`python -m benchmarks.throughput_peers NAME PORT`: the servers that throughput is compared with.

`constant` is a FastAPI route that answers a constant; `umbridge` is UM-Bridge's own server with the gradient of problem
1b written by hand.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

HOST = "127.0.0.1"


def constant(port: int) -> None:
    """FastAPI as its documentation begins, without access log."""
    import uvicorn
    from fastapi import FastAPI

    app = FastAPI()

    @app.post("/v1/gradient")
    async def answer() -> dict[str, float]:
        return {"value": 1.0}

    @app.get("/readyz")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    uvicorn.run(app, host=HOST, port=port, log_level="warning", access_log=False)


def bridge(port: int) -> None:
    """`umbridge.serve_models` with one model."""
    import umbridge

    class Bump(umbridge.Model):  # type: ignore[misc]
        """x exp(-x^2 - y^2)."""

        def __init__(self) -> None:
            super().__init__("bump")

        def get_input_sizes(self, _config: Any) -> list[int]:
            return [2]

        def get_output_sizes(self, _config: Any) -> list[int]:
            return [1]

        def __call__(self, parameters: list[list[float]], _config: Any) -> list[list[float]]:
            x, y = parameters[0]
            return [[x * math.exp(-x * x - y * y)]]

        def gradient(
            self, _out: int, _in: int, parameters: list[list[float]], sens: list[float], _config: Any
        ) -> list[float]:
            x, y = parameters[0]
            e = sens[0] * math.exp(-x * x - y * y)
            return [e * (1 - 2 * x * x), -2 * x * y * e]

        def supports_evaluate(self) -> bool:
            return True

        def supports_gradient(self) -> bool:
            return True

    umbridge.serve_models([Bump()], port)


PEERS: dict[str, Callable[[int], None]] = {"constant": constant, "umbridge": bridge}

if __name__ == "__main__":
    PEERS[sys.argv[1]](int(sys.argv[2]))
