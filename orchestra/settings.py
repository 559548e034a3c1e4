"""All settings, read once from the environment (``ORCHESTRA_…``), and secrets also from files that it names."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from orchestra import setting_checks as checks
from orchestra.app_retention import AppRetention
from orchestra.engine_names import engine_names
from orchestra.errors import SettingError
from orchestra.hide_secrets import secrets_in
from orchestra.prices import Prices, read_table
from orchestra.secret_files import FILE, read_variable

if TYPE_CHECKING:
    STTName = str
    TTSName = str
else:  # an engine is found by its folder, so its name is only known at run time
    STTName = Literal[engine_names("stt")]
    TTSName = Literal[engine_names("tts")]

_PREFIX = "ORCHESTRA_"


def _user_data_dir() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "orchestra"


#: what a caller hears: one text, or one for each language
TextByLanguage = Annotated[str | dict[str, str], NoDecode, BeforeValidator(checks.by_language)]


class Settings(BaseSettings):
    """The settings of one process; field ``redis_url`` is the variable ``ORCHESTRA_REDIS_URL``, and so on.

    The text under each field is its meaning, which `orchestra doctor --settings` shows. Names that end in ``_s``,
    ``_ms``, ``_h`` or ``_days`` are seconds, milliseconds, hours or days.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX, extra="forbid", frozen=True)

    # -- bus
    redis_url: str | None = None
    """Redis or Valkey server, 7.0 or newer: redis:, rediss:, unix:, redis+cluster:, redis+sentinel:. Without one,
    `orchestra up` starts an embedded server."""
    redis_password: SecretStr = SecretStr("")
    """Password of that server, for a URL without one."""
    allow_eviction: bool = False
    """Accept a server whose maxmemory-policy deletes keys when memory is full. Calls may then be lost unnoticed."""
    data_dir: Path = Field(default_factory=_user_data_dir)
    """Directory for files of this machine: the embedded server's data, recordings, archive, keys, cached phrases."""
    embedded_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """TCP port of the embedded server on 127.0.0.1, open to every user of this machine without a password. 0: only the
    unix socket, which belongs to this user."""
    partitions: Annotated[int, Field(ge=1, le=99)] = 16
    """Number of journals that calls are spread over, for the first start on a server. `orchestra partitions resize`
    changes it later."""
    lease_ms: Annotated[int, Field(ge=200)] = 2000
    """Time without a sign of life after which other workers acquire a worker's partitions."""
    linger_ms: Annotated[float, Field(ge=0)] = 0.0
    """How long published events may wait so that one commit carries more of them. A consumer may set its own value."""
    journal_retention_s: Annotated[float, Field(ge=0)] = 24 * 3600
    """Minimum time that events stay on the journal. They stay longer while a consumer group has not handled them."""
    media_retention_s: Annotated[float, Field(ge=0)] = 3600
    """The same for audio and partial transcripts."""
    lag_alarm_s: Annotated[float, Field(ge=0)] = 600
    """A consumer group, the archive or OpenObserve that is further behind than this is logged as an error."""

    # -- app and model
    app: str = "orchestra.demo:app"
    """The app that answers calls, as module:attribute."""
    model: str = "offline"
    """Model for agents that name none. offline: the rule-based stand-in."""
    model_url: str | None = None
    """OpenAI-compatible endpoint up to /v1. Without one: OpenAI."""
    model_api_key: SecretStr = SecretStr("")
    """API key for the model."""
    model_fallback: str = ""
    """Model that answers when the other one fails; offline is possible. Empty: none."""
    model_fallback_url: str | None = None
    """Endpoint of the fallback model. Without one: ORCHESTRA_MODEL_URL."""
    model_fallback_api_key: SecretStr = SecretStr("")
    """API key for the fallback model. Without one: ORCHESTRA_MODEL_API_KEY."""
    model_retries: Annotated[int, Field(ge=0, le=5)] = 1
    """How often a prompt is sent again after the server refused it (429, 5xx) or could not be reached."""
    model_first_token_s: Annotated[float, Field(gt=0)] = 8.0
    """A model fails if it shows no sign of life for this long. Reasoning and streamed tool calls are signs of life."""
    model_stall_s: Annotated[float, Field(gt=0)] = 8.0
    """A model fails if its answer pauses for this long. An answer that continues is not cut off."""
    prompt_s: Annotated[float, Field(gt=0)] = 30.0
    """A prompt is given up if nothing of the answer can be spoken within this time, all models included. At least 2.5
    times the time for a first token."""
    turn_s: Annotated[float, Field(gt=0)] = 300.0
    """Maximum duration of a turn: all its prompts, tools and long answers."""
    model_breaker_failures: Annotated[int, Field(ge=1)] = 3
    """Consecutive failures after which a model is not used for a while (circuit breaker)."""
    model_breaker_rest_s: Annotated[float, Field(gt=0)] = 15.0
    """How long the circuit breaker stays open."""

    persona_model: str = ""
    """Model that plays the callers of `orchestra simulate`. Empty: they say what the scenarios have for them."""
    persona_url: str | None = None
    """Its OpenAI-compatible endpoint up to /v1. Without one: ORCHESTRA_MODEL_URL."""
    persona_api_key: SecretStr = SecretStr("")
    """API key for it. Without one, and without an endpoint of its own: ORCHESTRA_MODEL_API_KEY."""

    # -- edge
    host: str = "127.0.0.1"
    """Address on which the edge listens."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8480
    """Port of the edge. 0: a free one."""
    public_url: str | None = None
    """URL at which carriers and browsers reach the edges, in front of any proxy: https://voice.example.com."""
    max_calls: Annotated[int, Field(ge=1)] = 20
    """Calls that one edge accepts at a time. A call takes about 30 ms of a core per second (see tests.bench edge)."""
    max_call_s: Annotated[float, Field(gt=0)] = 3600.0
    """Maximum duration of a call."""
    caller_silence_s: Annotated[float, Field(gt=0)] = 60.0
    """Silence after which the caller is asked whether they are still there. After the same time again the call ends."""
    drain_s: Annotated[float, Field(ge=0)] = 5.0
    """How long running calls may continue after SIGTERM. Then other edges of the same port resume them."""
    stop_notice_s: Annotated[float, Field(ge=0)] = 0.0
    """Before that, how long new calls are still taken while /readyz tells a proxy to send them elsewhere: longer than
    the proxy takes to notice it."""
    reconnect_s: Annotated[float, Field(ge=0)] = 10.0
    """How long a call whose media stream broke is kept open before it is closed."""
    edge_name: str = ""
    """Name of this edge in its events. Empty: a generated one."""
    share_port: bool = False
    """Several edges of this machine listen on one port (SO_REUSEPORT)."""
    record: bool = True
    """Keep the audio of calls. off: no recordings, and no audio on the media stream. Apps and lines may turn it off."""
    recording_consent: TextByLanguage = ""
    """Spoken before the greeting, where the law requires it: a text, or JSON by language: {"en": "…", "de": "…"}. An
    app or a line may have its own."""
    recording_consent_asked: bool = False
    """That text is a question: nothing is recorded before the caller says yes or presses 1."""
    hold_music: str = ""
    """What a caller hears until the person of a transfer has the call: a WAV file of 16-bit PCM, or melody, a quiet one
    that is made here. Empty: the ringing tone. A line may have its own."""
    noise_suppression: Literal["off", "moderate", "strong"] = "off"
    """How much steady noise is taken out of the caller's audio before anything listens to it (extra noise). Recordings
    keep it."""
    busy_message: TextByLanguage = ""
    """Spoken by the carrier when all lines are in use: one text, or by language, as JSON: {"en": "…", "es": "…"}.
    Empty: the busy tone."""
    stt: STTName = "local"
    """Speech recognition engine."""
    tts: TTSName = "local"
    """Speech synthesis engine."""
    stt_fallback: Literal["", "local"] = ""
    """Speech recognition engine to switch to when the first one fails during a call. Empty: none."""
    tts_fallback: Literal["", "local"] = ""
    """Speech synthesis engine to switch to when the first one fails during a call. Empty: none."""
    persona_tts: TTSName = "local"
    """Speech synthesis engine of simulated callers."""
    persona_voice: str = ""
    """Their voice, as that engine names it. Empty: the engine's own choice."""
    prerender: bool = True
    """Synthesize phrases that many calls share once, and keep the audio in the data directory."""
    barge_in_words: Annotated[int, Field(ge=1)] = 1
    """Words that the caller must say to interrupt an agent. 1: any voice, unless it turns out not to be a word."""
    on_call_s: Annotated[float, Field(gt=0, le=10)] = 1.5
    """How long a caller waits for the first words while the app is asked for variables of the call (`@app.on_call`)."""
    on_call_secret: SecretStr = SecretStr("")
    """Signs the questions to a server for the variables of a call (Standard Webhooks): whsec_ and a key in base64."""
    bridge_after_s: Annotated[float, Field(ge=0)] = 1.5
    """Seconds after the end of the caller's turn within which they hear something: the reply, or a short phrase that
    bridges the wait for it. 0: no phrase before the holding phrase."""
    speculate: Literal["off", "prompt", "speech"] = "speech"
    """What is made of a reply while the caller's turn is only probably over: nothing, the agents' answer, or also the
    speech of its first sentence. None of it is heard if the caller continues. A busy edge makes less."""
    deepgram_api_key: SecretStr = SecretStr("")
    """API key for Deepgram."""
    deepgram_url: str = "wss://api.deepgram.com"
    """URL of Deepgram."""
    deepgram_model: str = "nova-3-general"
    """Deepgram model. nova-*: the edge detects the end of a turn. flux-*: Deepgram detects it."""
    deepgram_eager: Annotated[float, Field(ge=0, le=0.9)] = 0.5
    """flux: confidence in the end of a turn from which the reply is prepared early. 0, or speculation off: never."""
    elevenlabs_api_key: SecretStr = SecretStr("")
    """API key for ElevenLabs."""
    elevenlabs_url: str = "wss://api.elevenlabs.io"
    """URL of ElevenLabs."""
    elevenlabs_voice: str = "21m00Tcm4TlvDq8ikWAM"
    """ElevenLabs voice id for agents that name none."""
    elevenlabs_model: str = "eleven_flash_v2_5"
    """ElevenLabs model."""
    elevenlabs_models: Annotated[dict[str, str], NoDecode, BeforeValidator(read_table)] = {}
    """Other ElevenLabs models by language, as JSON: {"th": "eleven_v3_conversational"}."""
    elevenlabs_stability: Annotated[float, Field(ge=0, le=1)] | None = None
    """How steady ElevenLabs speaks: 0 lively, 1 monotonous. Unset: as the voice itself is set."""
    browser: bool = True
    """Let pages that this machine opens on itself call from the browser, and those of sites with a widget key."""
    sip: bool = False
    """Take calls of a SIP gateway (`orchestra sip`), which `orchestra up` then starts as well."""
    sip_token: Annotated[SecretStr, AfterValidator(checks.long_enough_key)] = SecretStr("")
    """Secret by which SIP gateway and edges know each other, at least 32 random characters. Without one, one from the
    data directory: set it if they have separate directories."""
    sip_edges: str = ""
    """URLs of the edges that take the calls of the SIP gateway: http://10.0.0.1:8480,http://10.0.0.2:8480. Empty: the
    edges of this machine, at ORCHESTRA_HOST and ORCHESTRA_PORT."""
    sip_url: str = "http://127.0.0.1:8490"
    """URL of the SIP gateway: it listens there for calls that the edges have it place, for /healthz and /metrics."""
    sip_listen: Annotated[str, AfterValidator(checks.host_and_port)] = "127.0.0.1:5060"
    """Address and port of the SIP gateway, UDP and TCP; TLS is at the next port. An address of this machine, or 0.0.0.0
    for all."""
    sip_rtp_ports: Annotated[str, AfterValidator(checks.port_range)] = "10000-10999"
    """UDP ports for the audio of SIP calls; each call takes two."""
    sip_allow: Annotated[str, AfterValidator(checks.networks)] = "127.0.0.0/8"
    """Networks whose telephones and exchanges may call without registration, and may be called: 10.0.0.0/8,192.0.2.7.
    Nobody else gets an answer."""
    sip_max_calls: Annotated[int, Field(ge=1)] = 20
    """Calls that the SIP gateway has at a time; more are answered with 486."""
    sip_headers: str = ""
    """Headers of SIP calls that become variables of the call: X-Customer,X-Campaign."""
    sip_codecs: Annotated[str, AfterValidator(checks.codecs)] = "g722,pcmu,pcma"
    """Codecs of SIP calls, the preferred one first."""
    sip_register: str = ""
    """Where the SIP gateway registers, and calls numbers: sip:ann@pbx.example.com, with ;transport=tcp or tls."""
    sip_user: str = ""
    """User name for that registration's digest. Empty: the user of the address."""
    sip_password: SecretStr = SecretStr("")
    """Password of that user."""
    sip_trunk: str = ""
    """Host through which numbers are called: sbc.example.com:5060;transport=tcp. Empty: where the gateway registers."""
    sip_certificate: Path | None = None
    """PEM file with key and certificate, for SIP over TLS. Without one there is none."""
    sip_srtp: Literal["off", "required"] = "off"
    """Whether calls over TLS must have encrypted audio (SRTP)."""
    sip_rtp_timeout_s: Annotated[int, Field(ge=0)] = 20
    """A SIP call whose audio stops coming for this long is over. 0: never."""
    sip_drain_s: Annotated[float, Field(ge=0)] = 3600.0
    """How long the SIP gateway waits for its calls to end after SIGTERM. New ones are answered with 486."""
    carrier: str = "twilio"
    """Telephone company whose calls the edge takes: twilio, telnyx, plivo or vonage."""
    twilio_account_sid: str = ""
    """Twilio account, for outbound calls."""
    twilio_auth_token: SecretStr = SecretStr("")
    """Twilio auth token. It verifies webhooks and signs media streams."""
    twilio_api_url: str = "https://api.twilio.com"
    """URL of Twilio's REST API."""
    twilio_number: str = ""
    """Caller number for outbound calls, E.164."""
    twilio_media: Literal["stream", "relay"] = "stream"
    """How Twilio's calls come: as audio (stream), or as text that Twilio hears and says (relay: Conversation Relay)."""
    telnyx_api_key: SecretStr = SecretStr("")
    """Telnyx API key. It sends commands and signs media streams."""
    telnyx_public_key: str = ""
    """Public key of the Telnyx account (base64). It verifies webhooks."""
    telnyx_api_url: str = "https://api.telnyx.com"
    """URL of Telnyx's REST API."""
    telnyx_connection_id: str = ""
    """Telnyx Call Control application, for outbound calls and transfers."""
    telnyx_number: str = ""
    """Telnyx number that outbound calls and transfers come from, E.164."""
    telnyx_media: Literal["stream", "relay"] = "stream"
    """How Telnyx's calls come: as audio (stream), or as text that Telnyx hears and says (relay: Conversation Relay)."""
    plivo_auth_id: str = ""
    """Plivo account, for outbound calls."""
    plivo_auth_token: SecretStr = SecretStr("")
    """Plivo auth token. It verifies webhooks and signs media streams."""
    plivo_api_url: str = "https://api.plivo.com"
    """URL of Plivo's voice API."""
    plivo_number: str = ""
    """Plivo number for outbound calls, E.164."""
    plivo_audio: Literal["mulaw", "l16"] = "mulaw"
    """Audio of Plivo's media streams. mulaw: 8 kHz, as telephones have it. l16: 16 kHz, for lines in wideband."""
    vonage_application_id: str = ""
    """Vonage application, for outbound calls and warm transfers. Webhooks of another one are refused."""
    vonage_private_key: SecretStr = SecretStr("")
    """Private key of the Vonage application: its PEM text, or the name of a file with it."""
    vonage_signature_secret: SecretStr = SecretStr("")
    """Vonage signature secret. It verifies webhooks and signs media streams."""
    vonage_api_url: str = "https://api.nexmo.com"
    """URL of Vonage's REST API."""
    vonage_number: str = ""
    """Vonage number that outbound calls and transfers show, E.164."""
    relay_attributes: Annotated[
        dict[str, str], NoDecode, BeforeValidator(read_table), AfterValidator(checks.attributes)
    ] = {}
    """Attributes of Twilio's ConversationRelay, or fields of Telnyx's, as JSON: {"voice": "…", "language": "en-US"}."""
    machine_detection: bool = True
    """Let the carrier detect whether a person or a machine answered an outbound call."""
    machine_detection_async: bool = False
    """Start talking while the carrier detects that. Otherwise nothing is said before the result."""
    ring_s: Annotated[int, Field(ge=5, le=600)] = 30
    """How long an outbound call or a transfer may ring."""

    # -- after the call
    recordings_dir: Path | None = None
    """Directory for recordings of running calls. Without one: below the data directory."""
    recordings_url: str | None = None
    """Where finished recordings are moved: a directory, or any URL that fsspec knows. Without one they stay."""
    recordings_days: Annotated[float, Field(ge=0)] = 0
    """Days after which the persistence worker deletes a call's recording, counted from its start. 0: never."""
    callers_days: Annotated[float, Field(ge=0)] = 0
    """Days for which a caller's earlier calls are remembered. 0: as long as their records, which is the longest."""
    exports_days: Annotated[float, Field(ge=0)] = 0
    """Days after which a call's task in Label Studio, its line in the evaluation set, and what kept evaluations and
    comparisons quote of it are deleted, counted from its start. 0: never."""
    app_retention: Annotated[dict[str, AppRetention], NoDecode, BeforeValidator(read_table)] = {}
    """Other days for the calls of some apps, as JSON: {"clinic": {"recordings_days": 7, "archive_days": 90,
    "callers_days": 1, "exports_days": 90}}."""
    session_ttl_s: Annotated[int, Field(ge=60)] = 7 * 24 * 3600
    """How long call records, and the index of a caller's earlier calls, stay on the server."""
    lost_call_s: Annotated[float, Field(gt=0)] = 120.0
    """A call without any event for this long, and without an edge, is closed as failed."""
    prices: Annotated[Prices, NoDecode, BeforeValidator(read_table)] = Prices()
    """Prices as JSON: {"models": {NAME: {"prompt_per_million": …, "completion_per_million": …}}, "call_per_minute": …,
    "stt_per_minute": {ENGINE: …}, "tts_per_1000_characters": {ENGINE: …}, "currency": "USD"}."""
    number_key: SecretStr = SecretStr("")
    """Key for hashing callers' numbers. Without one, a key from the data directory: set it if several machines run."""
    api_token: SecretStr = SecretStr("")
    """Bearer token for reading calls and recordings over HTTP. Without one, nobody can. It cannot place calls. In the
    console it has the role read."""
    dial_token: SecretStr = SecretStr("")
    """Bearer token for placing calls with `POST /calls`. It must differ from the API token."""
    dial_prefixes: Annotated[str, AfterValidator(checks.prefixes)] = ""
    """Prefixes of the numbers that may be called over HTTP, and hosts of SIP addresses: +1212,+44,@pbx.example.com.
    Empty: none."""
    dial_carrier: Literal["", "sip"] = ""
    """Who places calls to numbers if their line does not decide it: sip, the trunk of the SIP gateway. Empty:
    ORCHESTRA_CARRIER."""
    dial_per_minute: Annotated[int, Field(ge=1)] = 10
    """Maximum number of calls that one edge places over HTTP per minute."""
    dial_hours: Annotated[str, AfterValidator(checks.day_hours)] = ""
    """Calls are placed at these times only, in the time zone of the person who is called: 9:00-12:00, 13:00-20:00.
    Empty: at any time."""
    dial_key_s: Annotated[int, Field(ge=3600)] = 7 * 24 * 3600
    """How long the idempotency key of a placed call is remembered."""
    link_key: Annotated[SecretStr, AfterValidator(checks.long_enough_key)] = SecretStr("")
    """Key that signs links to recordings, at least 32 random characters. Without one, a key from the data directory:
    set it if edges and curator have separate directories."""
    vault_key: Annotated[SecretStr, AfterValidator(checks.long_enough_key)] = SecretStr("")
    """Key that encrypts what callers say in secret, and with ORCHESTRA_REDACT_AT_REST personal data in the journal;
    at least 32 random characters. Without one, a key from the data directory: set it if edges and workers have separate
    directories."""
    recording_link_s: Annotated[int, Field(ge=60)] = 30 * 24 * 3600
    """Lifetime of a signed link to a recording."""
    analysis_at_once: Annotated[int, Field(ge=1)] = 4
    """How many calls one analysis worker analyses at once."""
    analysis_context_tokens: Annotated[int, Field(ge=2000)] = 100_000
    """Tokens of a call that go into one prompt after its end; of a longer call, notes are made part by part."""
    label_studio_url: str | None = None
    """Label Studio server that receives finished calls. Starts the curator."""
    label_studio_api_key: SecretStr = SecretStr("")
    """Personal access token of a Label Studio account."""
    # the server allows 50 characters, and the name of the project for the audio is longer
    label_studio_project: Annotated[str, Field(min_length=3, max_length=42)] = "Orchestra calls"
    """Title of the Label Studio project. It is created if it does not exist."""
    label_studio_audio: Literal["link", "upload", "none"] = "link"
    """Whether a task links to the recording on the edge, gets a copy of it, or has no audio."""
    curate_percent: Annotated[float, Field(ge=0, le=100)] = 100.0
    """Percentage of finished calls sent to Label Studio."""
    curate_only: Literal["all", "interrupted", "failed", "low_confidence"] = "all"
    """Which finished calls become tasks."""
    webhooks: Path | None = None
    """File with the endpoints of webhooks (TOML), see orchestra/webhooks. Starts the webhooks worker."""
    webhooks_private: bool = False
    """Webhooks may go to addresses of private networks and of this machine, and unencrypted (http:)."""

    # -- console
    console: bool = True
    """`orchestra up` starts the console, too."""
    console_host: str = "127.0.0.1"
    """Address on which the console listens."""
    console_port: Annotated[int, Field(ge=0, le=65535)] = 8470
    """Port of the console. 0: a free one."""
    console_url: str | None = None
    """URL at which browsers reach the console, in front of any proxy: https://console.example.com."""
    console_tokens: Path | None = None
    """File with a line name:role:token for each operator; roles: read, operate, admin. It is read again when it
    changes. Without one: the token that `orchestra console --token` prints is the owner's, with the role admin."""
    console_session_h: Annotated[float, Field(gt=0)] = 12.0
    """How long a browser stays signed in."""

    # -- archive
    archive_dir: Path | None = None
    """Directory of the archive. Without one: below the data directory."""
    archive_url: str | None = None
    """The archive as a directory, or any URL that fsspec knows. Takes precedence over the directory."""
    archive_flush_s: Annotated[float, Field(gt=0)] = 60.0
    """Maximum time until an event is in a file. A crash loses none, because it stays on the journal until then."""
    archive_rows: Annotated[int, Field(ge=1, le=8000)] = 5000
    """Events of one partition that fill a file before that time."""
    archive_days: Annotated[float, Field(ge=0)] = 0
    """Days after which the archive worker removes a call from the archive, counted from its start. 0: never."""

    archive_compact_at: Annotated[str, AfterValidator(checks.time_of_day)] = "02:00"
    """When one archive worker compacts the whole archive, each night within half an hour from then on, in its machine's
    local time. Empty: never."""

    # -- telemetry
    openobserve_url: str | None = None
    """OpenObserve server that receives events and logs. Starts the logging worker."""
    openobserve_org: str = "default"
    """OpenObserve organization."""
    openobserve_user: str = ""
    """OpenObserve user."""
    openobserve_password: SecretStr = SecretStr("")
    """Password of the OpenObserve user."""
    openobserve_token: SecretStr = SecretStr("")
    """Ingestion token instead of user and password. It can write, but not set up streams or dashboards."""
    openobserve_window_h: Annotated[float, Field(gt=0)] = 5.0
    """How old a record may be for OpenObserve to accept its own time (ZO_INGEST_ALLOWED_UPTO)."""
    otlp_url: str | None = None
    """Receiver for metrics and traces, OTLP over HTTP: http://host:4318. Starts the telemetry worker."""
    otlp_headers: SecretStr = SecretStr("")
    """Headers for that receiver: key=value,key=value."""
    otlp_signals: Literal["both", "traces", "metrics"] = "both"
    """What to send. Many receivers of traces do not accept metrics."""
    redact_at_rest: bool = False
    """Remove the same from what is kept: journal, archive and call records hold placeholders, and recordings are silent
    where it was said. What edges and agents need of it is encrypted with ORCHESTRA_VAULT_KEY."""
    redact: bool = True
    """Remove card numbers, phone numbers, e-mail addresses and the app's own patterns from everything that leaves."""
    redact_filter: str = ""
    """A function of yours that finds more to remove, as module:function, like names."""

    # -- monitors
    monitors: Path | None = None
    """Monitors as TOML: `orchestra up` watches them, and `orchestra monitor` unless it is given another file."""

    # -- logging
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Minimum log level."""
    log_format: Literal["console", "json"] = "console"
    """console: for people. json: one JSON object per line."""

    @model_validator(mode="before")
    @classmethod
    def _put_the_password_into_the_url(cls, values: dict[str, Any]) -> dict[str, Any]:
        given = values.get("redis_password", "")
        password = given.get_secret_value() if isinstance(given, SecretStr) else given
        return values | {"redis_url": checks.with_password(values.get("redis_url"), password)} if password else values

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - neither of these two is used
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What a constructor was given, the files of secrets, the environment."""
        return init_settings, InitSettingsSource(settings_cls, _from_files()), env_settings

    @property
    def recordings(self) -> Path:
        """The folder of the stereo recordings."""
        return self.recordings_dir or self.data_dir / "recordings"

    @property
    def archive(self) -> str:
        """The folder or URL of the archive."""
        return self.archive_url or str(self.archive_dir or self.data_dir / "archive")


def settings_from_files() -> list[str]:
    """The fields whose value may also be in a file: secrets, and URLs, which may have a password in them."""
    return [
        name for name, field in Settings.model_fields.items() if field.annotation is SecretStr or name.endswith("_url")
    ]


def file_of(name: str) -> str:
    """The file that the environment names for a setting; empty if it names none."""
    variable = f"{_PREFIX}{name.upper()}{FILE}"
    return next((value for given, value in os.environ.items() if given.upper() == variable), "")


def _from_files() -> dict[str, str]:
    """The values of the settings whose files the environment names, by field."""
    environment = {name.upper(): value for name, value in os.environ.items()}
    values = {
        name: read_variable(_PREFIX + name.upper(), environment) for name in settings_from_files() if file_of(name)
    }
    return {name: value for name, value in values.items() if value is not None}


def secret_values(settings: Settings) -> list[str]:
    """Every secret in the settings: keys, tokens, values of headers, passwords in URLs."""
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
    known |= {_PREFIX + name.upper() + FILE for name in settings_from_files()}
    for name in sorted(os.environ):
        if name.upper().startswith(_PREFIX) and name.upper() not in known:
            shown = name if name.isprintable() else ascii(name)
            msg = f"unknown setting {shown}: unset it; then `orchestra doctor --settings` lists all names"
            raise SettingError(msg)
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = _PREFIX + "_".join(str(part) for part in first["loc"]).upper()
        msg = f"setting {name}: {first['msg']}"
        raise SettingError(msg) from None
