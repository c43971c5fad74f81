"""/openapi.json, and /docs, which reads it: Swagger UI from our own files, nothing from elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

STATIC = Path(__file__).resolve().parent / "static"
ASSETS = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "docs.js": "text/javascript; charset=utf-8",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def pages_router(document: Callable[[], dict[str, Any]]) -> APIRouter:
    """The routes of the document and of its reader; they are no part of the document themselves.

    The document is made when it is first asked for.
    """
    router = APIRouter(include_in_schema=False)
    page = (STATIC / "docs.html").read_bytes()
    assets = {name: (STATIC / name).read_bytes() for name in ASSETS}

    async def openapi() -> Response:
        return Response(orjson.dumps(document()), media_type="application/json")

    async def docs() -> Response:
        headers = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}
        return Response(page, media_type="text/html; charset=utf-8", headers=headers)

    router.add_api_route("/openapi.json", openapi, response_class=Response)
    router.add_api_route("/docs", docs, response_class=Response)
    for name, body in assets.items():
        router.add_api_route(f"/docs/{name}", _asset(body, ASSETS[name]), response_class=Response)
    return router


def _asset(body: bytes, media_type: str) -> Any:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}

    async def asset(request: Request) -> Response:
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(body, media_type=media_type, headers=headers)

    return asset
