"""All settings, read once from the environment (``ORCHESTRA_…``). Secrets stand nowhere else."""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from orchestra.errors import SettingError
from orchestra.prices import Prices, read_prices

_PREFIX = "ORCHESTRA_"


def _user_data_dir() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "orchestra"


class Settings(BaseSettings):
    """The settings of one process; field ``redis_url`` is the variable ``ORCHESTRA_REDIS_URL``, and so on."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, extra="forbid", frozen=True)

    # -- bus
    redis_url: str | None = None
    data_dir: Path = Field(default_factory=_user_data_dir)
    embedded_port: Annotated[int, Field(ge=0, le=65535)] = 7480
    partitions: Annotated[int, Field(ge=1, le=99)] = 16
    lease_ms: Annotated[int, Field(ge=200)] = 2000
    linger_ms: Annotated[float, Field(ge=0)] = 0.0
    journal_retention_s: Annotated[float, Field(ge=0)] = 24 * 3600
    media_retention_s: Annotated[float, Field(ge=0)] = 3600
    lag_alarm_s: Annotated[float, Field(ge=0)] = 600

    # -- app and model
    app: str = "orchestra.demo:app"
    model: str = "offline"
    model_url: str | None = None
    model_api_key: SecretStr = SecretStr("")
    model_fallback: str = ""
    model_fallback_url: str | None = None
    model_fallback_api_key: SecretStr = SecretStr("")
    model_retries: Annotated[int, Field(ge=0, le=5)] = 1
    model_first_token_s: Annotated[float, Field(gt=0)] = 8.0
    model_breaker_failures: Annotated[int, Field(ge=1)] = 3
    model_breaker_rest_s: Annotated[float, Field(gt=0)] = 15.0

    # -- edge
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8480
    public_url: str | None = None
    #: a call takes some 30 ms of a core each second (`tests.bench edge`): this many leave room for those that begin
    max_calls: Annotated[int, Field(ge=1)] = 20
    max_call_s: Annotated[float, Field(gt=0)] = 3600.0
    caller_silence_s: Annotated[float, Field(gt=0)] = 60.0
    #: how long running calls may go on after SIGTERM; then other edges of the port take them up, if there are any
    drain_s: Annotated[float, Field(ge=0)] = 5.0
    reconnect_s: Annotated[float, Field(ge=0)] = 10.0
    edge_name: str = ""
    share_port: bool = False
    recording_consent: str = ""
    busy_message: str = ""
    stt: Literal["local", "deepgram"] = "local"
    tts: Literal["local", "elevenlabs"] = "local"
    stt_fallback: Literal["", "local"] = ""
    tts_fallback: Literal["", "local"] = ""
    #: what the edge says word for word in many calls is rendered once and kept under the data directory
    prerender: bool = True
    barge_in_words: Annotated[int, Field(ge=1)] = 1
    deepgram_api_key: SecretStr = SecretStr("")
    deepgram_url: str = "wss://api.deepgram.com"
    #: nova-…: the turns are told by the edge; flux-…: by Deepgram, which hears where a sentence is going
    deepgram_model: str = "nova-3-general"
    #: flux: how sure it must be that a turn ends before the reply is made ahead; 0: not before the turn has ended
    deepgram_eager: Annotated[float, Field(ge=0, le=0.9)] = 0.5
    elevenlabs_api_key: SecretStr = SecretStr("")
    elevenlabs_url: str = "wss://api.elevenlabs.io"
    elevenlabs_voice: str = "21m00Tcm4TlvDq8ikWAM"
    elevenlabs_model: str = "eleven_flash_v2_5"
    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr = SecretStr("")
    twilio_api_url: str = "https://api.twilio.com"
    twilio_number: str = ""
    machine_detection: bool = True
    #: talk at once, as to a person, while the carrier finds out who answered; else nothing is said before that
    machine_detection_async: bool = False
    ring_s: Annotated[int, Field(ge=5, le=600)] = 30

    # -- after the call
    recordings_dir: Path | None = None
    recordings_url: str | None = None
    session_ttl_s: Annotated[int, Field(ge=60)] = 7 * 24 * 3600
    lost_call_s: Annotated[float, Field(gt=0)] = 120.0
    #: as JSON: {"models": {NAME: {"prompt_per_million": …, "completion_per_million": …}}, "call_per_minute": …,
    #: "stt_per_minute": {ENGINE: …}, "tts_per_1000_characters": {ENGINE: …}, "currency": "USD"}
    prices: Annotated[Prices, NoDecode, BeforeValidator(read_prices)] = Prices()
    number_key: SecretStr = SecretStr("")
    api_token: SecretStr = SecretStr("")
    recording_link_s: Annotated[int, Field(ge=60)] = 30 * 24 * 3600
    label_studio_url: str | None = None
    label_studio_api_key: SecretStr = SecretStr("")
    #: the server takes 50 characters, and a project beside it holds the audio
    label_studio_project: Annotated[str, Field(min_length=3, max_length=42)] = "Orchestra calls"
    label_studio_audio: Literal["link", "upload", "none"] = "link"
    curate_percent: Annotated[float, Field(ge=0, le=100)] = 100.0
    curate_only: Literal["all", "interrupted", "failed", "low_confidence"] = "all"

    # -- archive
    archive_dir: Path | None = None
    archive_url: str | None = None
    #: seconds that an event waits at most before it is in a file; a kill loses none, for it stays on the journal
    archive_flush_s: Annotated[float, Field(gt=0)] = 60.0
    #: events of one partition that make a file before that
    archive_rows: Annotated[int, Field(ge=1, le=8000)] = 5000

    # -- telemetry
    openobserve_url: str | None = None
    openobserve_org: str = "default"
    openobserve_user: str = ""
    openobserve_password: SecretStr = SecretStr("")
    openobserve_token: SecretStr = SecretStr("")
    #: hours back that the server takes a record's own time (its ZO_INGEST_ALLOWED_UPTO)
    openobserve_window_h: Annotated[float, Field(gt=0)] = 5.0
    otlp_url: str | None = None
    otlp_headers: SecretStr = SecretStr("")
    redact: bool = True

    # -- logging
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json"] = "console"

    @property
    def recordings(self) -> Path:
        """The folder of the stereo recordings."""
        return self.recordings_dir or self.data_dir / "recordings"

    @property
    def archive(self) -> str:
        """The folder or URL of the archive."""
        return self.archive_url or str(self.archive_dir or self.data_dir / "archive")


def load_settings() -> Settings:
    """Settings from the environment.

    Raises:
        SettingError: a variable ``ORCHESTRA_…`` is unknown or has a wrong value; the message names it.

    """
    known = {_PREFIX + name.upper() for name in Settings.model_fields}
    for name in sorted(os.environ):
        if name.upper().startswith(_PREFIX) and name.upper() not in known:
            msg = f"unknown setting {name}: unset it; then `orchestra doctor --settings` lists the names there are"
            raise SettingError(msg)
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = _PREFIX + "_".join(str(part) for part in first["loc"]).upper()
        msg = f"setting {name}: {first['msg']}"
        raise SettingError(msg) from None
