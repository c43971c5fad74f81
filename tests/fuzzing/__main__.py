"""`python -m tests.fuzzing --examples N`: requests made up from the document, and how the service answered them."""

from __future__ import annotations

import argparse
import time

from tests.fuzzing.running import fuzz, per_operation
from tests.service_process import running_service

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="./dev fuzz", description="Every check of Schemathesis on the whole service.")
    parser.add_argument("--examples", type=int, default=20_000, help="how many requests are made up, at least")
    parser.add_argument("--seed", type=int, default=None)
    given = parser.parse_args()
    began = time.monotonic()
    options = [] if given.seed is None else ["--seed", str(given.seed)]
    with running_service(log_level="error") as port:
        found = fuzz(port, per_operation(given.examples), *options)
    if found.failures:
        print(found.output)
    print(f"{found}, {(time.monotonic() - began) / 60:.0f} min, seed {found.report['seed']}")
    raise SystemExit(bool(found.failures))
