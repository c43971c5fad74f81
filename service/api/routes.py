"""All documented routes of the service."""

from __future__ import annotations

from fastapi import APIRouter

from service.api.answering import Answering
from service.api.catalogue import Catalogue, catalogue_router
from service.api.compute import compute_router
from service.api.health import State, health_router


def routers(answering: Answering, catalogue: Catalogue, state: State) -> tuple[APIRouter, ...]:
    """The routers of the computations, the language and the health, in the document's order."""
    return (compute_router(answering), catalogue_router(catalogue), health_router(state))
