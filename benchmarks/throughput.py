"""How many small requests a second one processor serves, beside FastAPI with a constant and UM-Bridge's own server."""

from __future__ import annotations

import json
import statistics
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.http_service import Server, running
from benchmarks.report import Bound, Report
from benchmarks.wrk import requests_per_second

SECONDS, ROUNDS = 3, 5
QUICK_SECONDS, QUICK_ROUNDS = 1, 1
BODY = {"expression": "x*exp(-x**2-y**2)", "at": {"x": 0.5, "y": 1.25}, "forms": []}
SAME = f"""wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [[{json.dumps(BODY)}]]
"""
TRACED = SAME + 'wrk.headers["traceparent"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"\n'
NEW = """wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local k = os.time() * 1000
request = function()
  k = k + 1
  local at = string.format('{"x":%.12f,"y":%.12f}', k % 1000003 * 1e-6, 1.25 - k % 999983 * 1e-7)
  return wrk.format(nil, nil, nil, '{"expression":"x*exp(-x**2-y**2)","at":' .. at .. ',"forms":[]}')
end
"""
BRIDGE = """wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"name":"bump","outWrt":0,"inWrt":0,"input":[[0.5,1.25]],"sens":[1.0],"config":{}}'
"""
QUIET = {"FLUXION_LOG_LEVEL": "warning"}  # no access log on either side


@dataclass(frozen=True)
class Load:
    """Requests of one kind to one server."""

    server: str
    script: str
    path: str = "/v1/gradient"


SERVERS = {
    "Fluxion": Server("Fluxion", ("service",), "", dict, QUIET),
    "FastAPI": Server("FastAPI", ("benchmarks.throughput_peers", "constant"), "", dict),
    "UM-Bridge": Server("UM-Bridge", ("benchmarks.throughput_peers", "umbridge"), "", dict, ready="/Info"),
}
LOADS = {
    "a constant": Load("FastAPI", SAME),
    "the same gradient again": Load("Fluxion", SAME),
    "the same gradient again, traced": Load("Fluxion", TRACED),
    "a gradient at a new point": Load("Fluxion", NEW),
    "Gradient": Load("UM-Bridge", BRIDGE, "/Gradient"),
}
# The work, what it is compared with, and the least ratio of requests a second.
AIMS = (
    ("the same gradient again", "a constant", 3.0),
    ("the same gradient again, traced", "a constant", 0.9),
    ("a gradient at a new point", "a constant", 0.7),
    ("the same gradient again", "Gradient", 2.0),
    ("a gradient at a new point", "Gradient", 1.2),
)


def measure(*, quick: bool = False) -> list[Report]:
    """All servers on the same processor, loaded in turn."""
    seconds, rounds = (QUICK_SECONDS, QUICK_ROUNDS) if quick else (SECONDS, ROUNDS)
    rates: dict[str, list[float]] = {name: [] for name in LOADS}
    with ExitStack() as stack:
        ports = {name: stack.enter_context(running(server))[0] for name, server in SERVERS.items()}
        for _ in range(rounds + 1):
            for name, load in LOADS.items():
                rates[name].append(requests_per_second(ports[load.server], load.script, seconds, load.path))
    return [report({name: found[1:] for name, found in rates.items()})]  # the first round warms up


def report(rates: dict[str, list[float]]) -> Report:
    """Requests a second, and their ratios; a bound is on the inverse of a ratio that is to be large."""
    rows = [
        [LOADS[name].server, name, f"{statistics.median(found):,.0f}", f"{min(found):,.0f} to {max(found):,.0f}"]
        for name, found in rates.items()
    ]
    bounds = []
    for name, other, least in AIMS:
        parts = sorted(theirs / ours for ours, theirs in zip(rates[name], rates[other], strict=True))
        work = f"{other} of {LOADS[other].server} to {name}, requests a second"
        bounds.append(Bound(work, statistics.median(parts), 1 / least, (parts[0], parts[-1])))
    about = (
        "Requests a second that one thread of wrk with 32 connections gets, each server on the same one processor with"
        " all its processes, wrk on another, in turn. `a constant` is a FastAPI route that answers one; `Gradient` is"
        " the Python package umbridge with the same function and its gradient written by hand. Traced:"
        " with a `traceparent`, so that each request is parsed, and looked up by its content."
        " Medians, lowest and highest."
    )
    return Report("Small requests", about, ("server", "request", "a second", "lowest to highest"), rows, bounds)
