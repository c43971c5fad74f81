"""The image and the compose file, as far as they can be tried without a container engine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

from service.server.bounds import EdgeBounds
from service.settings import Settings
from tests.deployment.composed import LOOPBACK, ROOT, Replay, compose, image_variables, instructions

BIN = Path(sys.executable).parent


def test_the_dockerfile_is_well_formed() -> None:
    """By hadolint."""
    assert subprocess.run([BIN / "hadolint", ROOT / "Dockerfile"], check=False).returncode == 0


def test_the_compose_file_follows_its_schema() -> None:
    """By the schema that check-jsonschema carries."""
    schema = ["--builtin-schema", "vendor.compose-spec"]
    command = [str(BIN / "check-jsonschema"), *schema, str(ROOT / "docker-compose.yml")]
    assert subprocess.run(command, check=False).returncode == 0


def test_every_variable_is_a_setting() -> None:
    """A misspelt one would be ignored."""
    stated = set(image_variables())
    for service in compose()["services"].values():
        stated |= {name for name in service.get("environment", {}) if name.startswith("FLUXION_")}
    assert stated
    assert {name.removeprefix("FLUXION_").lower() for name in stated} <= set(Settings.model_fields)


def test_every_source_is_there_and_let_in() -> None:
    """What is copied or mounted from the build context exists, and .dockerignore lets it through."""
    let_in = re.findall(r"(?m)^!(.*?)/?$", (ROOT / ".dockerignore").read_text(encoding="utf-8"))
    text = " ".join(rest for name, rest in instructions() if name == "RUN")
    sources = re.findall(r"type=bind,source=([^,\s]+)", text)
    for name, rest in instructions():
        if name == "COPY" and not rest.startswith("--from"):
            sources += rest.split()[:-1]
    assert len(sources) >= 3
    for source in sources:
        assert (ROOT / source).exists(), source
        assert source.rstrip("/") in let_in, source


def test_what_compose_promises() -> None:
    """No privileges, bounded memory, ports of this machine alone, and time to stop."""
    services = compose()["services"]
    assert ("USER", "10001:10001") in instructions()
    for name, service in services.items():
        assert service["init"], name
        assert service["read_only"], name
        assert service["deploy"]["resources"]["limits"]["memory"], name
        assert "container_name" not in service, "cannot be scaled"
        assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", [])), name
        if name != "redis":
            grace = int(service["stop_grace_period"].removesuffix("s"))
            assert grace > EdgeBounds.drain_seconds
            assert grace > Settings.model_fields["deadline_seconds"].default


def test_the_services_work_together_as_composed() -> None:
    """Every command with its environment; a gradient goes through the service, the broker and the worker."""
    services = compose(FLUXION_EXECUTOR="celery")["services"]
    replay = Replay(services)
    try:
        for name in services:
            replay.start(name)
        for name in services:
            replay.wait(name)
        body = json.dumps({"expression": "x.T @ x", "at": {"x": [1.0, 2.0, 4.0]}}).encode()
        address = f"http://{LOOPBACK}:{replay.ports['api']}/v1/gradient"
        with urlopen(Request(address, body, {"Content-Type": "application/json"})) as response:
            assert json.load(response)["derivatives"][0]["value"]["data"] == [2.0, 4.0, 8.0]
    finally:
        statuses = replay.stop()
    assert set(statuses.values()) == {0}
