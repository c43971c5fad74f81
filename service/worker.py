"""`python -m service.worker [small|large]`: a Celery worker with the service's mathematics, for one lane or both."""

from __future__ import annotations

import os
import sys

from service.pool.nursery import ONE_THREAD
from service.pool.orders import LANES, Lane


def main() -> int:
    """Works until it is stopped by a signal; the exit status."""
    os.environ.update(ONE_THREAD)  # before NumPy is loaded
    from service.cache.cache import Values
    from service.main import cache_of, distributed
    from service.pool.celery_worker import serve
    from service.settings import Settings

    settings = Settings()
    broker, exchange = distributed(settings)
    lanes: list[Lane] = [lane for lane in LANES if lane in sys.argv[1:] or not sys.argv[1:]]
    return serve(
        "service.api.worker:run", broker, settings.pool_bounds(), exchange, lambda: Values(cache_of(settings)), lanes
    )


if __name__ == "__main__":
    sys.exit(main())
