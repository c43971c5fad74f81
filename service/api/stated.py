"""The headers of requests that change how they are answered, as the OpenAPI document describes them."""

from __future__ import annotations

from typing import Any

from service.api.preferences import TIMEOUT_HEADER


def _header(name: str, description: str, **schema: object) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string", **schema}}


VALIDATORS = _header("If-None-Match", "An `ETag` that was answered before: 304 without a body where it still holds.")
COMPUTING = (
    _header(
        "Prefer", "`respond-async`: a job instead of a long wait; `wait=N`: how long to wait, in seconds (RFC 7240)."
    ),
    _header("Idempotency-Key", "With `respond-async`: the client's name for the job, which is made once for each."),
    _header(TIMEOUT_HEADER, "How long the computation may take, in seconds.", pattern=r"^[0-9]{1,6}(\.[0-9]{1,6})?$"),
    VALIDATORS,
)
UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The client has the answer that `If-None-Match` names."}
}
