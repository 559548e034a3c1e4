"""All settings, read once from the environment (``ORCHESTRA_…``). Secrets stand nowhere else."""

import os
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from orchestra.errors import SettingError
from orchestra.mask import secrets_in
from orchestra.prices import Prices, read_prices

_PREFIX = "ORCHESTRA_"
_SHORTEST_KEY = 32


def _user_data_dir() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "orchestra"


def _prefixes(text: str) -> str:
    for prefix in filter(None, (part.strip() for part in text.split(","))):
        if not re.fullmatch(r"\+[0-9]{0,15}", prefix, re.ASCII):
            msg = f"{prefix!r} is no beginning of a number: write +1212,+44"
            raise ValueError(msg)
    return text


def _random(secret: SecretStr) -> SecretStr:
    if 0 < len(secret.get_secret_value()) < _SHORTEST_KEY:
        msg = f"fewer than {_SHORTEST_KEY} characters can be guessed: take random ones, or none for a key of its own"
        raise ValueError(msg)
    return secret


class Settings(BaseSettings):
    """The settings of one process; field ``redis_url`` is the variable ``ORCHESTRA_REDIS_URL``, and so on.

    The text under each field is its meaning, which `orchestra doctor --settings` shows. Names that end in ``_s``,
    ``_ms`` or ``_h`` are seconds, milliseconds or hours.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX, extra="forbid", frozen=True)

    # -- bus
    redis_url: str | None = None
    """A Redis or Valkey of your own, 7.0 or newer: redis:, rediss:, unix:, redis+cluster:, redis+sentinel:."""
    allow_eviction: bool = False
    """Go on with a server whose maxmemory-policy drops keys when its memory is full: calls may be lost unseen."""
    data_dir: Path = Field(default_factory=_user_data_dir)
    """Where this machine keeps what it needs: the embedded server's data, recordings, archive, keys, phrases."""
    embedded_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Port of 127.0.0.1 on which the embedded server listens beside its unix socket, for every user of this machine and
    without a password; 0: the socket only, which is this user's."""
    partitions: Annotated[int, Field(ge=1, le=99)] = 16
    """How many journals the calls are spread over; fixed by the first start on a server."""
    lease_ms: Annotated[int, Field(ge=200)] = 2000
    """After so long without a sign of life a worker's partitions are another's."""
    linger_ms: Annotated[float, Field(ge=0)] = 0.0
    """How long what handlers publish may wait, so that commits carry more; a consumer may say otherwise."""
    journal_retention_s: Annotated[float, Field(ge=0)] = 24 * 3600
    """How long events stay on the journal at least; longer while a group has not handled them."""
    media_retention_s: Annotated[float, Field(ge=0)] = 3600
    """The same for audio and partial transcripts."""
    lag_alarm_s: Annotated[float, Field(ge=0)] = 600
    """A group, the archive or OpenObserve that holds things back for longer is an error in the log."""

    # -- app and model
    app: str = "orchestra.demo:app"
    """The app that answers, module:attribute."""
    model: str = "offline"
    """Name of the model for agents that name none; offline: the deterministic stand-in."""
    model_url: str | None = None
    """Any OpenAI-compatible endpoint up to /v1; OpenAI's own without one."""
    model_api_key: SecretStr = SecretStr("")
    """Its key."""
    model_fallback: str = ""
    """Name of the model that answers when another fails, or offline; empty: none does."""
    model_fallback_url: str | None = None
    """Its endpoint; that of the model unless given."""
    model_fallback_api_key: SecretStr = SecretStr("")
    """Its key; that of the model unless given."""
    model_retries: Annotated[int, Field(ge=0, le=5)] = 1
    """How often a prompt is sent again that the server refused (429, 5xx) or that found none."""
    model_first_token_s: Annotated[float, Field(gt=0)] = 8.0
    """After so long without a sign of life a model has failed: thoughts and tool calls that come in pieces are one."""
    model_stall_s: Annotated[float, Field(gt=0)] = 8.0
    """After so long without a next piece an answer that has begun has failed; one that lives is not cut off."""
    prompt_s: Annotated[float, Field(gt=0)] = 30.0
    """An answer of which nothing can be heard after so long is given up, all models tried; never before 2.5 times
    the time for a first token."""
    turn_s: Annotated[float, Field(gt=0)] = 300.0
    """How long a turn may take in all: its prompts, its tools, and answers that go on and on."""
    model_breaker_failures: Annotated[int, Field(ge=1)] = 3
    """After so many failures in a row a model is left alone for a while."""
    model_breaker_rest_s: Annotated[float, Field(gt=0)] = 15.0
    """For so long."""

    # -- edge
    host: str = "127.0.0.1"
    """The address on which the edge listens."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8480
    """Its port; 0: a free one."""
    public_url: str | None = None
    """Where Twilio and browsers reach the edges, in front of any proxy: https://voice.example.com."""
    max_calls: Annotated[int, Field(ge=1)] = 20
    """Calls that one edge takes at a time; a call takes some 30 ms of a core each second (tests.bench edge)."""
    max_call_s: Annotated[float, Field(gt=0)] = 3600.0
    """A call is ended after so long."""
    caller_silence_s: Annotated[float, Field(gt=0)] = 60.0
    """After so long without a word the caller is asked, and after as long again the call is ended."""
    drain_s: Annotated[float, Field(ge=0)] = 5.0
    """How long running calls may go on after SIGTERM; then other edges of the port take them up, if there are any."""
    reconnect_s: Annotated[float, Field(ge=0)] = 10.0
    """How long a call whose stream broke is waited for before it is closed."""
    edge_name: str = ""
    """What this edge calls itself in its events; made up unless given."""
    share_port: bool = False
    """Several edges of this machine listen on one port (SO_REUSEPORT)."""
    recording_consent: str = ""
    """Said before the greeting, where the law wants it."""
    busy_message: str = ""
    """Said by the carrier when all lines are taken; empty: the busy tone."""
    stt: Literal["local", "deepgram"] = "local"
    """The engine that hears."""
    tts: Literal["local", "elevenlabs"] = "local"
    """The engine that speaks."""
    stt_fallback: Literal["", "local"] = ""
    """The engine that takes over when the one that hears fails in mid-call; empty: none."""
    tts_fallback: Literal["", "local"] = ""
    """The engine that takes over when the one that speaks fails in mid-call; empty: none."""
    prerender: bool = True
    """What the edge says word for word in many calls is rendered once and kept in the data directory."""
    barge_in_words: Annotated[int, Field(ge=1)] = 1
    """How many words of the caller stop an agent that speaks; 1: any voice, until it shows that it was no word."""
    deepgram_api_key: SecretStr = SecretStr("")
    """Deepgram's key."""
    deepgram_url: str = "wss://api.deepgram.com"
    """Its address."""
    deepgram_model: str = "nova-3-general"
    """nova-…: the turns are told by the edge; flux-…: by Deepgram, which hears where a sentence is going."""
    deepgram_eager: Annotated[float, Field(ge=0, le=0.9)] = 0.5
    """flux: how sure it must be that a turn ends before the reply is made ahead; 0: not before the turn has ended."""
    elevenlabs_api_key: SecretStr = SecretStr("")
    """ElevenLabs' key."""
    elevenlabs_url: str = "wss://api.elevenlabs.io"
    """Its address."""
    elevenlabs_voice: str = "21m00Tcm4TlvDq8ikWAM"
    """Id of the voice for agents that name none."""
    elevenlabs_model: str = "eleven_flash_v2_5"
    """The model that speaks."""
    twilio_account_sid: str = ""
    """The Twilio account, for calls that we make."""
    twilio_auth_token: SecretStr = SecretStr("")
    """Its token: checks that webhooks are Twilio's, and signs the streams."""
    twilio_api_url: str = "https://api.twilio.com"
    """Twilio's REST API."""
    twilio_number: str = ""
    """Our number for calls that we make, E.164."""
    machine_detection: bool = True
    """Have the carrier find out whether a person or a machine answered a call that we make."""
    machine_detection_async: bool = False
    """Talk at once, as to a person, while the carrier finds that out; else nothing is said before that."""
    ring_s: Annotated[int, Field(ge=5, le=600)] = 30
    """How long somebody who is called, or to whom a call is transferred, may let it ring."""

    # -- after the call
    recordings_dir: Path | None = None
    """The folder of the recordings while calls run; in the data directory unless given."""
    recordings_url: str | None = None
    """Where finished recordings move to: a folder, or any URL that fsspec knows; they stay unless given."""
    session_ttl_s: Annotated[int, Field(ge=60)] = 7 * 24 * 3600
    """How long the record of a call, and what links a caller to it, is kept on the server."""
    lost_call_s: Annotated[float, Field(gt=0)] = 120.0
    """A call of which nothing came for so long, and which no edge has ended, is closed as failed."""
    prices: Annotated[Prices, NoDecode, BeforeValidator(read_prices)] = Prices()
    """As JSON: {"models": {NAME: {"prompt_per_million": …, "completion_per_million": …}}, "call_per_minute": …,
    "stt_per_minute": {ENGINE: …}, "tts_per_1000_characters": {ENGINE: …}, "currency": "USD"}."""
    number_key: SecretStr = SecretStr("")
    """The key under which callers' numbers are hashed; of the data directory unless given, so set it for several."""
    api_token: SecretStr = SecretStr("")
    """The bearer token that reads calls and recordings over HTTP; without one nobody is let in. It makes no calls."""
    dial_token: SecretStr = SecretStr("")
    """The bearer token with which `POST /calls` has the agents call somebody; another than the API token."""
    dial_prefixes: Annotated[str, AfterValidator(_prefixes)] = ""
    """The beginnings of the numbers that may be called over HTTP: +1212,+44; empty: none may."""
    dial_per_minute: Annotated[int, Field(ge=1)] = 10
    """Calls that one edge makes over HTTP in a minute at most."""
    link_key: Annotated[SecretStr, AfterValidator(_random)] = SecretStr("")
    """The key that signs links to recordings; of the data directory unless given, so set it where edges and curator
    share none: 32 random characters or more."""
    recording_link_s: Annotated[int, Field(ge=60)] = 30 * 24 * 3600
    """How long a signed link to a recording opens it."""
    label_studio_url: str | None = None
    """A Label Studio to which finished calls go; starts the curator."""
    label_studio_api_key: SecretStr = SecretStr("")
    """A personal access token of its account page."""
    # the server takes 50 characters, and a project beside it holds the audio
    label_studio_project: Annotated[str, Field(min_length=3, max_length=42)] = "Orchestra calls"
    """Title of the project; made if there is none."""
    label_studio_audio: Literal["link", "upload", "none"] = "link"
    """Whether a task links to the recording on our edge, gets a copy, or none."""
    curate_percent: Annotated[float, Field(ge=0, le=100)] = 100.0
    """So many of a hundred finished calls become tasks."""
    curate_only: Literal["all", "interrupted", "failed", "low_confidence"] = "all"
    """Of these only such."""

    # -- archive
    archive_dir: Path | None = None
    """The folder of the archive; in the data directory unless given."""
    archive_url: str | None = None
    """The archive elsewhere: a folder, or any URL that fsspec knows; goes before the folder."""
    archive_flush_s: Annotated[float, Field(gt=0)] = 60.0
    """How long an event waits at most before it is in a file; a kill loses none, for it stays on the journal."""
    archive_rows: Annotated[int, Field(ge=1, le=8000)] = 5000
    """Events of one partition that make a file before that."""

    # -- telemetry
    openobserve_url: str | None = None
    """An OpenObserve to which events and logs go; starts the logging worker."""
    openobserve_org: str = "default"
    """Its organization."""
    openobserve_user: str = ""
    """Who we are to it."""
    openobserve_password: SecretStr = SecretStr("")
    """The user's password."""
    openobserve_token: SecretStr = SecretStr("")
    """Or an ingestion token, which may write and set nothing up."""
    openobserve_window_h: Annotated[float, Field(gt=0)] = 5.0
    """Hours back that it takes a record's own time (its ZO_INGEST_ALLOWED_UPTO)."""
    otlp_url: str | None = None
    """A receiver of metrics and traces, OTLP over HTTP, as http://host:4318; starts the telemetry worker."""
    otlp_headers: SecretStr = SecretStr("")
    """Headers for it: key=value,key=value."""
    otlp_signals: Literal["both", "traces", "metrics"] = "both"
    """What it is sent; many receivers of traces take no metrics."""
    redact: bool = True
    """Cards, phone numbers, e-mail addresses and what the app names are taken out before anything leaves."""

    # -- logging
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What the processes say at least."""
    log_format: Literal["console", "json"] = "console"
    """For a person, or a JSON object a line."""

    @property
    def recordings(self) -> Path:
        """The folder of the stereo recordings."""
        return self.recordings_dir or self.data_dir / "recordings"

    @property
    def archive(self) -> str:
        """The folder or URL of the archive."""
        return self.archive_url or str(self.archive_dir or self.data_dir / "archive")


def secret_values(settings: Settings) -> list[str]:
    """Every secret that the settings hold: keys, tokens, what headers say, passwords in URLs."""
    values: list[str] = []
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, str):
            values += secrets_in(value)
        elif isinstance(value, SecretStr):
            secret = value.get_secret_value()
            # headers are key=value,key=value
            values += [pair.partition("=")[2] for pair in secret.split(",")] if name.endswith("headers") else [secret]
    return [value.strip() for value in values if value.strip()]


def load_settings() -> Settings:
    """Settings from the environment.

    Raises:
        SettingError: a variable ``ORCHESTRA_…`` is unknown or has a wrong value; the message names it.

    """
    known = {_PREFIX + name.upper() for name in Settings.model_fields}
    for name in sorted(os.environ):
        if name.upper().startswith(_PREFIX) and name.upper() not in known:
            shown = name if name.isprintable() else ascii(name)
            msg = f"unknown setting {shown}: unset it; then `orchestra doctor --settings` lists the names there are"
            raise SettingError(msg)
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = _PREFIX + "_".join(str(part) for part in first["loc"]).upper()
        msg = f"setting {name}: {first['msg']}"
        raise SettingError(msg) from None
