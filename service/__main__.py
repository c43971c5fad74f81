"""`python -m service`: one process that serves HTTP."""

from __future__ import annotations

import uvicorn

from service.main import create_app
from service.settings import Settings


def main() -> None:
    """Serves until it is stopped by a signal."""
    settings = Settings()
    uvicorn.run(create_app(settings), host=settings.host, port=settings.port, server_header=False)


if __name__ == "__main__":
    main()
