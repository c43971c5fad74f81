"""What is said to the outside: addresses, connections, bodies, logs, keys and rates."""

from __future__ import annotations

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from service.api.access import digests
from service.api.bodies import BodyBounds
from service.api.logs import Format, Level
from service.api.rates import Rates
from service.server.bounds import EdgeBounds


class Listening(BaseSettings):
    """Who may connect, how, and what is told of it."""

    log_format: Format = Field(default="json", description="How log lines look: `json` or `console`.")
    log_level: Level = Field(
        default="info", description="The least that is logged: `debug`, `info`, `warning`, `error` or `critical`."
    )
    api_keys: SecretStr = Field(
        default=SecretStr(""),
        description="Who may ask: `name:sha256` of each key with commas between them; empty for anybody. "
        "`python -m service.api.access NAME` makes a key.",
    )
    rate_limit: str = Field(
        default="",
        description="What one key or address may ask for, such as `1000/minute`; a request is 1, a second of computing "
        "100; empty for anything.",
    )
    telemetry: bool = Field(
        default=False,
        description="Whether requests are spans and metrics of OpenTelemetry; its own variables say where these go.",
    )
    host: str = Field(default="127.0.0.1", description="The address to listen on; `0.0.0.0` for every interface.")
    port: int = Field(default=8000, ge=0, le=65_535, description="The TCP port to listen on; 0 takes a free one.")
    body_bytes: int = Field(
        default=BodyBounds.body_bytes, ge=1, description="The longest request body, in bytes, packed and unpacked."
    )
    body_seconds: float = Field(
        default=EdgeBounds.body_seconds, gt=0, description="How long a request body may take to arrive, in seconds."
    )
    header_bytes: int = Field(
        default=EdgeBounds.header_bytes,
        ge=1024,
        description="The address and all header names and values of a request, in bytes.",
    )
    header_fields: int = Field(
        default=EdgeBounds.header_fields, ge=10, description="The number of header fields of a request."
    )
    header_seconds: float = Field(
        default=EdgeBounds.header_seconds, gt=0, description="How long the headers may take to arrive, in seconds."
    )
    idle_seconds: float = Field(
        default=EdgeBounds.idle_seconds,
        gt=0,
        description="How long a connection is kept open between two requests, in seconds.",
    )
    send_seconds: float = Field(
        default=EdgeBounds.send_seconds,
        gt=0,
        description="How long a client may take nothing of its answer before its connection is closed, in seconds.",
    )
    connections: int = Field(
        default=EdgeBounds.connections,
        ge=1,
        description="The number of connections; for one more, that which has owed a request for longest is closed.",
    )
    connections_per_peer: int = Field(
        default=EdgeBounds.connections_per_peer,
        ge=0,
        description="The number of connections from one address, 0 for any; behind a proxy, all are the proxy's.",
    )
    linger_seconds: float = Field(
        default=EdgeBounds.linger_seconds,
        ge=0,
        description="How long the process still listens, and says that it is not ready, after SIGTERM, in seconds.",
    )
    drain_seconds: float = Field(
        default=EdgeBounds.drain_seconds,
        gt=0,
        description="How long after SIGTERM the process ends at the latest, in seconds.",
    )
    json_depth: int = Field(
        default=BodyBounds.json_depth, ge=4, le=512, description="How deep arrays and objects may nest in a JSON body."
    )
    json_containers: int = Field(
        default=BodyBounds.json_containers,
        ge=100,
        description="The number of arrays and objects of a JSON body; flat `data` is one array however long it is.",
    )

    @field_validator("api_keys")
    @classmethod
    def _has_keys(cls, value: SecretStr) -> SecretStr:
        digests(value.get_secret_value())
        return value

    @field_validator("rate_limit")
    @classmethod
    def _is_rate(cls, value: str) -> str:
        Rates(value)
        return value

    def key_digests(self) -> dict[str, bytes]:
        """The digests of the keys, by the name of their owner."""
        return digests(self.api_keys.get_secret_value())

    def edge_bounds(self) -> EdgeBounds:
        """The bounds on connections."""
        return EdgeBounds(**{name: getattr(self, name) for name in EdgeBounds.__dataclass_fields__})

    def body_bounds(self) -> BodyBounds:
        """The bounds on what is received."""
        return BodyBounds(self.body_bytes, self.json_depth, self.json_containers)
