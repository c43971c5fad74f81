"""`python -m service`: one process that serves HTTP."""

from __future__ import annotations

import gc

from service.api import WORK
from service.pool.launching import launch


def main() -> None:
    """Serves until it is stopped by a signal."""
    launched = launch(WORK)  # first of all: it imports as long as this process does
    gc.disable()  # importing leaves little garbage, and looking for it takes a tenth of the time
    from service.api.logs import configure
    from service.main import create_app
    from service.server.process import Server
    from service.settings import Settings

    settings = Settings()
    outlet = configure(settings.log_format, settings.log_level)
    app = create_app(settings, launched=launched)
    server = Server(app, app.state.life, settings.edge_bounds(), settings.host, settings.port, record=app.state.record)
    server.on_abandon = outlet.close
    app.state.metrics.watch("connections", lambda: server.census.counts)
    app.state.metrics.watch("log_lines", lambda: outlet.counts)
    gc.freeze()  # what was imported stays
    gc.enable()
    server.run()


if __name__ == "__main__":
    main()
