"""Property tests draw the same examples on every machine, so that a failure can be run again."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "fluxion",
    derandomize=True,
    deadline=None,  # JAX traces on first use
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("fluxion")
