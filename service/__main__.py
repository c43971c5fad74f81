"""`python -m service`: one process that serves HTTP."""

from __future__ import annotations

from service.main import create_app
from service.server.process import Server
from service.settings import Settings


def main() -> None:
    """Serves until it is stopped by a signal."""
    settings = Settings()
    app = create_app(settings)
    Server(app, app.state.life, settings.edge_bounds(), settings.host, settings.port).run()


if __name__ == "__main__":
    main()
