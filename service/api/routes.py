"""All documented routes of the service."""

from __future__ import annotations

from fastapi import APIRouter

from service.api.bodies import BodyBounds
from service.api.catalogue import Catalogue, catalogue_router
from service.api.compute import Compute, compute_router
from service.api.health import State, health_router
from service.tasks.messages import Limits


def routers(
    compute: Compute, catalogue: Catalogue, limits: Limits, bounds: BodyBounds, state: State
) -> tuple[APIRouter, ...]:
    """The routers of the computations, the language and the health, in the document's order."""
    return (compute_router(compute, limits, bounds), catalogue_router(catalogue), health_router(state))
