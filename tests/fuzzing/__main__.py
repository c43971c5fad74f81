"""`python -m tests.fuzzing --examples N`: requests made up from the document, and how the service answered them."""

from __future__ import annotations

import argparse
import secrets
import time

from tests.fuzzing.running import further, fuzz, summary
from tests.service_process import running_service

ROUND = 100  # examples of an operation at a time

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="./dev fuzz", description="All checks of Schemathesis on the whole service.")
    parser.add_argument("--examples", type=int, default=20_000, help="how many requests are made up, at least")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    given = parser.parse_args()
    began, seed = time.monotonic(), given.seed
    with running_service(log_level="error") as port:
        rounds = [fuzz(port, ROUND, "--seed", str(seed))]
        while sum(found.requests for found in rounds) < given.examples and not rounds[-1].failures:
            seed += 1
            rounds.append(further(port, ROUND, seed))
            print(summary(rounds), flush=True)
    if rounds[-1].failures:
        print(rounds[-1].output)
    print(f"{summary(rounds)}, {(time.monotonic() - began) / 60:.0f} min, seed {given.seed}")
    raise SystemExit(bool(rounds[-1].failures))
