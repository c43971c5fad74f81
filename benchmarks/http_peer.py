"""`python -m benchmarks.http_peer PORT`: a service as FastAPI's documentation teaches it, with JAX inside.

One route, a pydantic model for the request and one for the answer, and a function that JAX has compiled.
"""

from __future__ import annotations

import sys

import jax
import jax.numpy as jnp
import numpy as np
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.scalar import function_1b

jax.config.update("jax_enable_x64", True)
gradient = jax.jit(jax.vmap(jax.value_and_grad(lambda x, y: function_1b(jnp, x, y), argnums=(0, 1))))


class Points(BaseModel):
    """One list per variable."""

    x: list[float]
    y: list[float]


class Gradient(BaseModel):
    """The values, and the derivatives by each variable."""

    value: list[float]
    by_x: list[float]
    by_y: list[float]


app = FastAPI()


@app.get("/readyz")
def ready() -> dict[str, str]:
    """Whether it serves."""
    return {"status": "ready"}


@app.post("/gradient")
def answer(points: Points) -> Gradient:
    """The gradient at every point."""
    value, (by_x, by_y) = gradient(np.array(points.x), np.array(points.y))
    return Gradient(value=np.asarray(value).tolist(), by_x=np.asarray(by_x).tolist(), by_y=np.asarray(by_y).tolist())


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
