"""All documented routes of the service."""

from __future__ import annotations

from fastapi import APIRouter

from service.api.answering import Answering
from service.api.catalogue import Catalogue, catalogue_router
from service.api.compute import compute_router
from service.api.deferring import Deferring
from service.api.health import State, health_router
from service.api.jobs import jobs_router
from service.jobs.jobs import Jobs


def routers(answering: Answering, jobs: Jobs, catalogue: Catalogue, state: State) -> tuple[APIRouter, ...]:
    """The routers of the computations, the jobs, the language and the health, in the document's order."""
    deferring = Deferring(jobs, answering)
    return (
        compute_router(answering, deferring),
        jobs_router(jobs, state),
        catalogue_router(catalogue),
        health_router(state),
    )
