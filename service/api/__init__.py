"""The HTTP layer: what is received, what is answered, and how both are described."""

WORK = "service.api.worker:run"  # what workers do
