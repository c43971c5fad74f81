"""`python -m service.worker [small|large|check]`: a Celery worker with the service's mathematics, for one lane or both.

`check` only tells by its status whether there is one on this machine.
"""

from __future__ import annotations

import asyncio
import os
import sys

from service.pool.launching import ONE_THREAD
from service.pool.orders import LANES, Lane


def main() -> int:
    """Works until it is stopped by a signal; the exit status."""
    os.environ.update(ONE_THREAD)  # before NumPy is loaded
    from service.cache.cache import Values
    from service.main import cache_of, distributed
    from service.pool.celery_worker import is_here, serve
    from service.settings import Settings

    settings = Settings()
    broker, exchange = distributed(settings)
    if sys.argv[1:] == ["check"]:
        return 0 if asyncio.run(is_here(exchange())) else 1
    lanes: list[Lane] = [lane for lane in LANES if lane in sys.argv[1:] or not sys.argv[1:]]
    return serve(
        "service.api.worker:run", broker, settings.pool_bounds(), exchange, lambda: Values(cache_of(settings)), lanes
    )


if __name__ == "__main__":
    sys.exit(main())
