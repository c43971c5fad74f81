"""Where numbers were measured: processor, load, and the versions of all that took part."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

PACKAGES = ("numpy", "scipy", "jax", "jaxlib", "autograd", "casadi", "sympy", "torch", "fastapi", "pydantic", "uvicorn")
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def processor() -> str:
    """The model's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Of Python and of every package that is installed."""
    found = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def load() -> float | None:
    """How many processes wanted to run during the last minute, ours included; None where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def cpus() -> list[int]:
    """The processors that this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def environment(threads: int) -> dict[str, str]:
    """The environment of a process whose libraries use so many threads."""
    variables = dict.fromkeys(THREADS, str(threads))
    flags = f"--xla_cpu_multi_thread_eigen={'false' if threads == 1 else 'true'} intra_op_parallelism_threads={threads}"
    return {**os.environ, **variables, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}


def pin(threads: int) -> None:
    """Keep this process on so many processors, the last ones; what it starts stays there too."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, set(cpus()[-threads:]))


def system() -> str:
    """The operating system and its architecture."""
    return f"{platform.system()} {platform.machine()}"
