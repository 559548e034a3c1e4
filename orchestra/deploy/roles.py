"""What runs: each process's command, where it tells how it is, and which secrets it may have."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from orchestra.errors import SettingError
from orchestra.secret_files import FILE
from orchestra.settings import settings_from_files

#: where every process finds its secrets, a file each
SECRETS = PurePosixPath("/run/secrets")
#: where the webhooks worker finds those of its endpoints
ENDPOINT_SECRETS = PurePosixPath("/run/webhooks")
#: settings that name a file which is itself a secret
SECRET_FILES = ("console_tokens", "sip_certificate")

EDGE_PORT, CONSOLE_PORT, SIP_PORT, WORKER_PORT = 8480, 8470, 8490, 9100
#: what the edges must have for the calls of each carrier
CARRIER_SECRETS = {
    "twilio": ("twilio_auth_token",),
    "telnyx": ("telnyx_api_key",),
    "plivo": ("plivo_auth_token",),
    "vonage": ("vonage_signature_secret", "vonage_private_key"),
}
_MODEL = ("model_api_key", "model_fallback_api_key", "model_url", "model_fallback_url")
_OPENOBSERVE = ("openobserve_password", "openobserve_token", "openobserve_url")


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One kind of process.

    Attributes:
        arguments: of the program ``orchestra``.
        port: where it serves ``/healthz`` and ``/metrics``.
        secrets: the settings that it uses and that may be secret, without those of Redis; each is given only if the
            deployment has it.
        files: it reads or writes recordings or the archive.

    """

    name: str
    arguments: tuple[str, ...]
    port: int
    secrets: tuple[str, ...] = ()
    files: bool = False


def _worker(name: str, *secrets: str, files: bool = False) -> Role:
    health = ("--health-host", "0.0.0.0", "--health-port", str(WORKER_PORT))  # noqa: S104 - of its container
    return Role(name=name, arguments=("worker", name, *health), port=WORKER_PORT, secrets=secrets, files=files)


EDGE = Role(
    name="edge",
    arguments=("edge",),
    port=EDGE_PORT,
    secrets=(
        *(secret for secrets in CARRIER_SECRETS.values() for secret in secrets),
        *("api_token", "dial_token", "link_key", "vault_key", "sip_token", "recordings_url"),
        *("deepgram_api_key", "deepgram_url", "elevenlabs_api_key", "elevenlabs_url"),
    ),
    files=True,
)
CONSOLE = Role(
    name="console",
    arguments=("console",),
    port=CONSOLE_PORT,
    secrets=("console_tokens", "vault_key", "api_token", "dial_token", "recordings_url", "archive_url"),
    files=True,
)
SIP = Role(name="sip", arguments=("sip",), port=SIP_PORT, secrets=("sip_token", "sip_password", "sip_certificate"))
WORKERS = (
    _worker("orchestration", "number_key", "vault_key"),
    _worker("execution", *_MODEL, "vault_key", "on_call_secret"),
    # an operator runs `orchestra forget` and `hold` there
    _worker("persistence", "recordings_url", "archive_url", "number_key", "vault_key", files=True),
    _worker("analysis", *_MODEL, "vault_key"),
    _worker("archive", "archive_url", files=True),
    _worker("logging", *_OPENOBSERVE),
    _worker("telemetry", "otlp_headers", "otlp_url", *_OPENOBSERVE),
    _worker("curator", "label_studio_api_key", "label_studio_url", "link_key", "recordings_url", files=True),
    _worker("webhooks"),
)
ROLES = (EDGE, CONSOLE, *WORKERS, SIP)
#: what every process that uses Redis has
REDIS_SECRETS = ("redis_password",)
#: generated random, if a deployment has several data directories
SHARED_KEYS = ("number_key", "link_key", "vault_key")


def known_secrets() -> list[str]:
    """The settings that a deployment may take from files."""
    used = {*REDIS_SECRETS, *(secret for role in ROLES for secret in role.secrets)}
    return [name for name in (*settings_from_files(), *SECRET_FILES) if name in used]


def secrets_of(role: Role, given: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the deployment's secrets that the role gets."""
    # the SIP gateway has no business with Redis
    read = role.secrets if role is SIP else (*REDIS_SECRETS, *role.secrets)
    return tuple(secret for secret in given if secret in read)


def variable_of(secret: str) -> str:
    """The environment variable that names a secret's file."""
    return f"ORCHESTRA_{secret.upper()}" + ("" if secret in SECRET_FILES else FILE)


def check_secrets(given: tuple[str, ...]) -> None:
    """Refuse a secret that no process reads.

    Raises:
        SettingError: there is no such setting, or it is none of a deployment.

    """
    known = known_secrets()
    if unknown := [name for name in given if name not in known]:
        msg = f"--secret {unknown[0]!r} is no secret of a deployment: there are {', '.join(known)}"
        raise SettingError(msg)
