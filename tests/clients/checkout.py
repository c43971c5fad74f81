"""A checkout of one's own to make clients in, and node and npm as programs."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from clients.making import NODE, NPM, NPM_CACHE
from tests.service_process import ROOT

GENERATED = ("fluxion_client", "schema.ts", "dist", "node_modules", "__pycache__")


def checkout(folder: Path) -> Path:
    """What `./dev clients` needs of the repository, before it was run.

    Its `dev` does not make an environment: the one of the tests has all that it would put there.
    """
    for name in ("clients", "openapi"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns(*GENERATED))
    _program(folder / "dev", f'cd "$(dirname "$0")"\nexec "{sys.executable}" -m "$@"')
    NPM_CACHE.mkdir(parents=True, exist_ok=True)
    (folder / ".dev").symlink_to(NPM_CACHE.parent)
    return folder


def search_path(folder: Path) -> str:
    """A `PATH` on which Python, node, npm and npx come first."""
    if folder.is_dir():
        shutil.rmtree(folder)
    folder.mkdir()
    (folder / "node").symlink_to(NODE)
    for name in ("npm", "npx"):
        _program(folder / name, f'exec "{NODE}" "{NPM / name}-cli.js" --cache "{NPM_CACHE}" "$@"')
    return os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]])


def _program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
