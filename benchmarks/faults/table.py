"""Every fault: how it is made, and by what it is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from benchmarks.faults import crowds, redis_faults, worker_faults
from benchmarks.faults.finding import Finding
from benchmarks.faults.shown import shown
from benchmarks.faults.soak import soak

Measure = Callable[..., Finding]
POOL, CACHE, EDGE = "tests/pool/test_faults.py", "tests/cache/test_faults.py", "tests/server/test_faults.py"
SOAK_MINUTES, QUICK_MINUTES = 60.0, 1.0


def _shown(row: str, *tests: str) -> Measure:
    def measure(*, quick: bool) -> Finding:  # noqa: ARG001 - a test has one length
        return shown(row, *tests)

    return measure


def _soak(minutes: float | None, *, quick: bool) -> Finding:
    return soak(minutes or (QUICK_MINUTES if quick else SOAK_MINUTES))


def faults(minutes: float | None = None) -> Mapping[str, Measure]:
    """What measures each row of the table in docs/reliability.md; the soak takes so many minutes."""
    return {
        "F1": redis_faults.killed,
        "F2": redis_faults.hung,
        "F3": _shown("F3", f"{CACHE}"),
        "F4": redis_faults.corrupted,
        "F5": worker_faults.killed,
        "F6": worker_faults.poison,
        "F7": worker_faults.too_long,
        "F8": _shown("F8", f"{POOL}::test_a_stopped_worker_is_killed_at_the_deadline"),
        "F9": crowds.overload,
        "F10": crowds.beside,
        "F11": _shown("F11", "tests/server/test_stopping.py"),
        "F12": worker_faults.leaving,
        "F13": _shown("F13", f"{EDGE}::test_a_process_that_was_stopped"),
        "F14": _shown("F14", EDGE, f"{POOL}::test_descriptors_run_out", f"{POOL}::test_forking_fails_for_a_while"),
        "F15": _shown("F15", POOL, "-k", "clock"),
        "F16": partial(_soak, minutes),
        "F17": _shown("F17", "tests/jobs/test_jobs.py", "tests/jobs/test_http.py"),
        "F18": _shown("F18", "tests/cache/test_consistency.py", "tests/cache/test_envelope.py"),
        "F19": _shown("F19", "tests/api/test_document.py", "tests/api/test_whole.py"),
        "T1": _shown("T1", "tests/threats"),
        "T43": _shown("T43", "tests/server/test_slow_clients.py"),
    }
