"""The application: settings in, a FastAPI app out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from service.api.boundary import Boundary
from service.api.catalogue import Catalogue
from service.api.compute import Compute
from service.api.document import DESCRIPTION, TITLE, VERSION, document
from service.api.health import State, self_check
from service.api.pages import pages_router
from service.api.problems import install
from service.api.routes import routers
from service.settings import Settings


def create_app(
    settings: Settings | None = None, *, compute: Compute | None = None, catalogue: Catalogue | None = None
) -> FastAPI:
    """The service as an ASGI application.

    Args:
        settings: its configuration; read from the environment if left out.
        compute: what answers a task; the service's own mathematics if left out.
        catalogue: what lists the operations; the service's own if left out.
    """
    settings = settings or Settings()
    compute = compute or _own_compute()
    catalogue = catalogue or _own_catalogue()
    state = State()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(self_check, compute, settings.limits())
        state.serving = True
        yield
        state.serving = False

    app = FastAPI(
        title=TITLE,
        version=VERSION,
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    parts = routers(compute, catalogue, settings.limits(), settings.body_bounds(), state)
    described = document(parts)
    for part in (*parts, pages_router(described)):
        app.include_router(part)
    app.openapi = lambda: described  # type: ignore[method-assign]
    app.state.life = state
    app.add_middleware(Boundary, state=state)
    install(app)
    return app


def _own_compute() -> Compute:
    from service.tasks.compute import compute

    return compute


def _own_catalogue() -> Catalogue:
    from service.tasks.catalogue import catalogue

    return catalogue
