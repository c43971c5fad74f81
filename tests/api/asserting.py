"""What every error document must look like."""

from __future__ import annotations

from typing import Any

import httpx2


def problem(response: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """The error document of a response, checked to be one of this status and code."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert len(response.content) <= 8192
    assert response.content.isascii()
    document: dict[str, Any] = response.json()
    assert document["status"] == status
    assert document["code"] == code
    assert document["type"] == f"urn:fluxion:problem:{code}"
    assert document["title"]
    assert document["detail"]
    assert len(document["errors"]) <= 20
    assert all(set(fault) == {"pointer", "message"} for fault in document["errors"])
    return document


def pointers(document: dict[str, Any]) -> list[str]:
    """Where the faults of an error document lie."""
    return [fault["pointer"] for fault in document["errors"]]
