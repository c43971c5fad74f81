"""The application: settings in, a FastAPI app out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache as cache_of_one
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import orjson
from fastapi import APIRouter, FastAPI
from fastapi.telemetry import TelemetryConfig

from service.api import WORK
from service.api.access import Access
from service.api.answering import Answering
from service.api.boundary import Boundary
from service.api.catalogue import Catalogue
from service.api.document import DESCRIPTION, TITLE, VERSION, document
from service.api.front import Front
from service.api.health import State, self_check
from service.api.job_work import JobWork
from service.api.metrics import Metrics
from service.api.pages import pages_router
from service.api.raised import install
from service.api.rates import Rates
from service.api.routes import Parts, paths, routers
from service.api.shortcut import Shortcut
from service.api.sight import Sight, recorder
from service.api.supplying import SupplyingExecutor
from service.api.tesseract.routes import tesseract_router
from service.api.umbridge.models import Models
from service.api.umbridge.refusals import refusal
from service.api.umbridge.routes import PATHS, umbridge_router
from service.api.work import Bounds, Compute, perform
from service.cache.cache import Cache, Values
from service.cache.records import MemoryRecords
from service.functions.functions import Functions
from service.jobs.jobs import Jobs
from service.pool.here import HereExecutor
from service.pool.launching import Launched
from service.pool.local import LocalExecutor
from service.pool.orders import Executor
from service.settings import Settings
from service.tasks.messages import Answer, Task

if TYPE_CHECKING:  # without Redis, or workers elsewhere, their libraries are not loaded
    from service.cache.redis_records import RedisRecords
    from service.pool.broker import Broker
    from service.pool.exchange import Exchange


def create_app(
    settings: Settings | None = None,
    *,
    compute: Compute | None = None,
    catalogue: Catalogue | None = None,
    launched: Launched | None = None,
) -> FastAPI:
    """The service as an ASGI application.

    Args:
        settings: its configuration; read from the environment if left out.
        compute: what answers a task, in this process; workers with the service's own mathematics if left out.
        launched: the process that forks workers, if it is started already.
        catalogue: what lists the operations; the service's own if left out.
    """
    settings = settings or Settings()
    functions, functions_are_whole = _functions(settings)
    answering = _answering(settings, functions, compute, launched)
    rates = Rates(settings.rate_limit, settings.redis_url.get_secret_value())
    jobs, jobs_are_whole = _jobs(settings, answering, rates)
    state = State(
        parts={"cache": lambda: answering.cache.is_whole, "jobs": jobs_are_whole, "functions": functions_are_whole}
    )
    metrics = _metrics(state, answering, rates)
    metrics.watch("jobs", lambda: jobs.counts)
    whole = Parts(answering, functions, jobs, catalogue or _own_catalogue, state, metrics)
    app = FastAPI(
        title=TITLE,
        version=VERSION,
        description=DESCRIPTION,
        lifespan=_lifespan(whole, rates),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=_telemetry(settings),
    )
    parts = _route(app, whole)
    app.add_middleware(Front, answering=answering)
    app.add_middleware(Access, keys=settings.key_digests(), rates=rates)
    app.add_middleware(Boundary, state=state, refusals=dict.fromkeys(PATHS, refusal))
    app.add_middleware(Sight, metrics=metrics, routes=paths(parts), telemetry=settings.telemetry)
    install(app)
    app.state.record = None if rates.limited else recorder(metrics)  # each request must be counted there
    app.state.life, app.state.metrics, app.state.rates, app.state.answering = state, metrics, rates, answering
    return app


def _route(app: FastAPI, whole: Parts) -> tuple[APIRouter, ...]:
    """Adds every route to the application, and the document of those that are for programs; these are returned."""
    parts = routers(whole)
    described = cache_of_one(lambda: document(parts))
    others = (
        pages_router(described),
        umbridge_router(whole.answering, Models(whole.functions)),
        tesseract_router(whole.answering, whole.functions),
    )
    for part in (*parts, *others):
        app.include_router(part)
    app.openapi = described  # type: ignore[method-assign]
    return parts


def _lifespan(whole: Parts, rates: Rates) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await whole.answering.start()
        try:
            await self_check(whole.answering)
            whole.jobs.start()
            whole.state.serving = True
            yield
        finally:
            whole.state.serving = False
            await whole.jobs.stop()
            await whole.answering.stop()
            await whole.functions.close()
            await rates.close()

    return lifespan


def _telemetry(settings: Settings) -> TelemetryConfig:
    """FastAPI's own spans and metrics; exporters are those that OpenTelemetry's variables name."""
    on = settings.telemetry
    return {"tracing": on, "metrics": on, "logs": on, "auto_configure": on}


def _metrics(state: State, answering: Answering, rates: Rates) -> Metrics:
    metrics = Metrics(state)
    metrics.watch("cache", lambda: answering.cache.counts)
    metrics.watch("pool", lambda: getattr(answering.executor.executor, "counts", {}))
    metrics.watch("shortcut", lambda: answering.shortcut.counts)
    metrics.watch("answering", lambda: answering.counts)
    metrics.watch("rates", lambda: rates.counts)
    return metrics


def _answering(
    settings: Settings, functions: Functions, compute: Compute | None, launched: Launched | None
) -> Answering:
    bounds = Bounds(settings.body_bounds(), settings.limits())
    salt = _ruleset().encode() + orjson.dumps(bounds.plain())
    cache = cache_of(settings)
    executor = SupplyingExecutor(_executor(settings, cache, compute, launched), functions)
    shortcut = Shortcut(compute or _own_compute, bounds, Values(cache), None if compute else _own_mathematics)
    return Answering(executor, cache, shortcut, bounds, settings.deadline_seconds, salt, settings.shard_bounds())


def cache_of(settings: Settings) -> Cache:
    """What was computed before."""
    url, tier = settings.redis_url.get_secret_value(), None
    if url:
        from service.cache.redis_tier import RedisTier

        tier = RedisTier(url)
    secret = settings.cache_secret.get_secret_value().encode()
    return Cache(settings.cache_bytes, tier, settings.cache_seconds, _ruleset(), secret)


def distributed(settings: Settings) -> tuple[Broker, Callable[[], Exchange]]:
    """Where Celery workers find their work, and a way to be in touch with those who ask for it.

    Raises:
        ValueError: no Redis is configured for it.
    """
    from service.cache.exchange import RedisExchange
    from service.pool.broker import Broker

    url = settings.broker_url.get_secret_value() or settings.redis_url.get_secret_value()
    if not url:
        message = "FLUXION_EXECUTOR=celery needs FLUXION_REDIS_URL or FLUXION_BROKER_URL"
        raise ValueError(message)
    longest = max(settings.deadline_seconds, settings.job_seconds)
    visible = max(settings.visibility_seconds, 2 * longest)
    return Broker(url, _ruleset()[:12], visible), partial(RedisExchange, url)


def _functions(settings: Settings) -> tuple[Functions, Callable[[], bool]]:
    """The registered functions, and whether their store answers."""
    bounds = settings.function_bounds()
    if not settings.redis_url.get_secret_value():
        return Functions(MemoryRecords(bounds.function_bytes, bound="function_bytes"), bounds), lambda: True
    records = _redis_records(settings, "functions:1")
    return Functions(records, bounds), lambda: records.is_whole


def _redis_records(settings: Settings, layout: str) -> RedisRecords:
    from service.cache.redis_records import RedisRecords
    from service.cache.redis_tier import RedisTier

    tier = RedisTier(settings.redis_url.get_secret_value())
    return RedisRecords(tier, settings.cache_secret.get_secret_value().encode(), layout)


def _jobs(settings: Settings, answering: Answering, rates: Rates) -> tuple[Jobs, Callable[[], bool]]:
    """The jobs, and whether their store answers."""
    bounds = settings.job_bounds()
    slots = bounds.running_jobs or settings.pool_bounds().slots("large")
    work = JobWork(answering, rates)
    if not settings.redis_url.get_secret_value():
        return Jobs(MemoryRecords(bounds.job_bytes, bound="job_bytes"), work, bounds, slots), lambda: True
    records = _redis_records(settings, "jobs:1")
    return Jobs(records, work, bounds, slots), lambda: records.is_whole


def _executor(settings: Settings, cache: Cache, compute: Compute | None, launched: Launched | None) -> Executor:
    if compute is None and settings.executor != "celery":
        return LocalExecutor(launched or WORK, settings.pool_bounds(), Values(cache))
    if launched is not None:
        launched.end()
    if compute is not None:
        return HereExecutor(partial(perform, compute))
    from service.pool.remote import CeleryExecutor

    return CeleryExecutor(*distributed(settings), settings.pool_bounds())


def _ruleset() -> str:
    from service.tasks.sharing import ruleset

    return ruleset()


# This process does not compute before a request is met again, and does not list operations before it is asked to.


def _own_mathematics() -> None:
    import_module("service.tasks.together")


def _own_compute(task: Task) -> Answer:
    from service.tasks.compute import compute

    return compute(task)


def _own_catalogue() -> list[dict[str, Any]]:
    from service.tasks.catalogue import catalogue

    return catalogue()
