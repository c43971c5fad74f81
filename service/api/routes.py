"""All documented routes of the service."""

from __future__ import annotations

from fastapi import APIRouter

from service.api.answering import Answering
from service.api.catalogue import Catalogue, catalogue_router
from service.api.compute import compute_router
from service.api.deferring import Deferring
from service.api.health import State, health_router
from service.api.jobs import jobs_router
from service.api.metrics import Metrics, metrics_router
from service.jobs.jobs import Jobs


def routers(
    answering: Answering, jobs: Jobs, catalogue: Catalogue, state: State, metrics: Metrics
) -> tuple[APIRouter, ...]:
    """The routers of the computations, the jobs, the language and the health, in the document's order."""
    return (
        compute_router(answering, Deferring(jobs, answering)),
        jobs_router(jobs, state),
        catalogue_router(catalogue),
        health_router(state),
        metrics_router(metrics),
    )


def paths(parts: tuple[APIRouter, ...]) -> frozenset[str]:
    """The addresses of routes without a variable part."""
    found = {str(getattr(route, "path", "")) for part in parts for route in part.routes}
    return frozenset(path for path in found if "{" not in path)
