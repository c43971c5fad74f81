"""A service whose one computation is to wait, behind the server that is under test.

`python -m tests.server.slow_service PORT BOUNDS` with the bounds as JSON: those of connections, and of bodies.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from fastapi import FastAPI, Request, Response

from service.api.bodies import BodyBounds, receive
from service.api.boundary import Boundary
from service.api.health import State, health_router
from service.api.raised import install
from service.server.bounds import EdgeBounds
from service.server.process import Server


def create_app(state: State, bounds: BodyBounds) -> FastAPI:
    """`POST /slow?seconds=S` receives its body, waits, and answers it; `GET /large?size=N` answers so many bytes."""
    app = FastAPI()
    state.serving = True

    async def slow(request: Request, seconds: float = 0.0) -> Response:
        body = await receive(request, bounds)
        await asyncio.sleep(seconds)
        return Response(body)

    async def large(size: int) -> Response:
        return Response(bytes(size))

    app.add_api_route("/slow", slow, methods=["POST"])
    app.add_api_route("/large", large)
    app.include_router(health_router(state))
    app.add_middleware(Boundary, state=state)
    install(app)
    return app


def main(port: int, bounds: dict[str, Any]) -> None:
    """Serves until a signal comes."""
    edge = EdgeBounds(**{name: value for name, value in bounds.items() if name in EdgeBounds.__dataclass_fields__})
    body = BodyBounds(**{name: value for name, value in bounds.items() if name in BodyBounds.__dataclass_fields__})
    state = State()
    Server(create_app(state, body), state, edge, port=port).run()


if __name__ == "__main__":
    main(int(sys.argv[1]), json.loads(sys.argv[2]))
