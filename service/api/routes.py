"""All documented routes of the service."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter

from service.api.answering import Answering
from service.api.catalogue import Catalogue, catalogue_router
from service.api.compute import compute_router
from service.api.deferring import Deferring
from service.api.functions import functions_router
from service.api.health import State, health_router
from service.api.jobs import jobs_router
from service.api.metrics import Metrics, metrics_router
from service.functions.functions import Functions
from service.jobs.jobs import Jobs


@dataclass(frozen=True)
class Parts:
    """What the routes are about."""

    answering: Answering
    functions: Functions
    jobs: Jobs
    catalogue: Catalogue
    state: State
    metrics: Metrics


def routers(parts: Parts) -> tuple[APIRouter, ...]:
    """The routers of all that the parts do, in the document's order."""
    return (
        compute_router(parts.answering, Deferring(parts.jobs, parts.answering)),
        functions_router(parts.functions, parts.answering),
        jobs_router(parts.jobs, parts.state),
        catalogue_router(parts.catalogue),
        health_router(parts.state),
        metrics_router(parts.metrics),
    )


def paths(parts: tuple[APIRouter, ...]) -> frozenset[str]:
    """The addresses of routes without a variable part."""
    found = {str(getattr(route, "path", "")) for part in parts for route in part.routes}
    return frozenset(path for path in found if "{" not in path)
