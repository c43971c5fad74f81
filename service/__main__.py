"""`python -m service`: one process that serves HTTP."""

from __future__ import annotations

from service.api.logs import configure
from service.main import create_app
from service.server.process import Server
from service.settings import Settings


def main() -> None:
    """Serves until it is stopped by a signal."""
    settings = Settings()
    outlet = configure(settings.log_format, settings.log_level)
    app = create_app(settings)
    server = Server(app, app.state.life, settings.edge_bounds(), settings.host, settings.port, record=app.state.record)
    server.on_abandon = outlet.close
    app.state.metrics.watch("connections", lambda: server.census.counts)
    app.state.metrics.watch("log_lines", lambda: outlet.counts)
    server.run()


if __name__ == "__main__":
    main()
