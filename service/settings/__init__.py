"""Everything that can be configured: environment variables with the prefix `FLUXION_`."""

from __future__ import annotations

from pydantic_settings import SettingsConfigDict

from service.settings.computing import Computing
from service.settings.listening import Listening
from service.settings.sharing import Sharing


class Settings(Listening, Computing, Sharing):
    """The configuration of one process; immutable, with a default for everything."""

    model_config = SettingsConfigDict(env_prefix="FLUXION_", frozen=True, extra="ignore", hide_input_in_errors=True)
