"""The SIP stack (baresip) as the settings have it: its configuration, its user agents, and where it listens.

Facts of baresip-python 0.5.2a3 that this rests on: one `Runtime` a process, which cannot be started again; a user agent
answers one transport; TLS takes the port after the one that is set; settings it does not know are ignored in silence.
"""

import socket
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from baresip import Account, Config, UserAgent

from orchestra.settings import Settings
from orchestra.voice.carriers.sip.addresses import parse_address

Transport = Literal["udp", "tcp", "tls"]

#: of the caller's audio: 20 ms on an even network, more where packets come unevenly; unset, it is 100 ms for everybody
_JITTER_BUFFER = "audio_jitter_buffer_type adaptive\naudio_jitter_buffer_ms 20-160\n"
_CODECS = {"g722": "g722/16000/1", "pcmu": "pcmu", "pcma": "pcma"}
#: headers that say who calls whom
PARTY_HEADERS = ("From", "To", "P-Asserted-Identity")
#: of the stack's limit a second leg is left for each call: a person who is to take it over
_LEGS = 2
_REGISTER_EVERY_S = 300
_TLS_PORT = 5061


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the stack listens: ``host`` "" for all addresses of this machine."""

    host: str
    port: int

    @property
    def ports(self) -> tuple[int, int]:
        """Of UDP and TCP, and of TLS."""
        return self.port, self.port + 1

    @property
    def domain(self) -> str:
        """The domain of addresses at this gateway."""
        return f"{self.host or socket.gethostname()}:{self.port}"


def listening(settings: Settings) -> Listening:
    """What ``ORCHESTRA_SIP_LISTEN`` says."""
    host, _, port = settings.sip_listen.rpartition(":")
    return Listening("" if host in ("0.0.0.0", "[::]") else host, int(port))  # noqa: S104 - as the setting has it


def chosen_headers(settings: Settings) -> tuple[str, ...]:
    """The headers that become variables."""
    return tuple(filter(None, (name.strip() for name in settings.sip_headers.split(","))))


def stack_config(settings: Settings) -> Config:
    """The configuration of the stack.

    Raises:
        ValueError: a header that is to be a variable has an impossible name, or there are too many; or the file of the
            certificate is not there.

    """
    where = listening(settings)
    if settings.sip_certificate is not None and not settings.sip_certificate.is_file():
        msg = f"there is no file {settings.sip_certificate} (ORCHESTRA_SIP_CERTIFICATE)"
        raise ValueError(msg)
    # the file stands in a line of its own, so nothing in its name can become another setting
    certificate = f"sip_certificate {settings.sip_certificate}\n" if settings.sip_certificate is not None else ""
    authorities = ssl.get_default_verify_paths().cafile
    trusted = f"sip_cafile {authorities}\n" if authorities else ""
    return Config(
        net_interface=where.host.strip("[]") or None,
        max_concurrent_calls=_LEGS * settings.sip_max_calls,
        rtp_timeout=settings.sip_rtp_timeout_s,
        expose_headers=tuple(dict.fromkeys((*PARTY_HEADERS, *chosen_headers(settings)))),
        native_log_level="warning",
        extra_config_text=(
            f"sip_listen {settings.sip_listen}\nrtp_ports {settings.sip_rtp_ports}\n"
            f"{_JITTER_BUFFER}{certificate}{trusted}"
        ),
    )


def accounts(settings: Settings) -> dict[Transport, Account]:
    """A user agent for each transport, which answers calls to whomever."""
    transports: list[Transport] = ["udp", "tcp", *(["tls"] if settings.sip_certificate is not None else [])]  # type: ignore[list-item]
    return {
        transport: Account(
            "orchestra",
            listening(settings).domain,
            "",
            reg_interval=0,
            transport=transport,
            audio_codecs=tuple(_CODECS[name.strip()] for name in settings.sip_codecs.split(",")),
            extra_params=("catchall=yes", *_srtp(settings, transport)),
        )
        for transport in transports
    }


def registration(settings: Settings) -> Account | None:
    """The account with which we register; None where we do not.

    Raises:
        RejectedError: the setting is not a SIP address.

    """
    if not settings.sip_register:
        return None
    address = parse_address(settings.sip_register)
    transport: Transport = address.transport or "udp"  # type: ignore[assignment]
    port = f":{address.port}" if address.port else ""
    return Account(
        address.user,
        f"{address.host}{port}",
        settings.sip_password.get_secret_value(),
        reg_interval=_REGISTER_EVERY_S,
        transport=transport,
        auth_user=settings.sip_user or None,
        audio_codecs=tuple(_CODECS[name.strip()] for name in settings.sip_codecs.split(",")),
        extra_params=_srtp(settings, transport),
    )


def _srtp(settings: Settings, transport: Transport) -> tuple[str, ...]:
    return ("mediaenc=srtp-mand",) if settings.sip_srtp == "required" and transport == "tls" else ()


__all__ = [
    "PARTY_HEADERS",
    "Listening",
    "UserAgent",
    "accounts",
    "chosen_headers",
    "listening",
    "registration",
    "stack_config",
]


@contextmanager
def no_folder_left() -> Iterator[None]:
    """Start the stack in this block: the folder that it makes for itself is gone after it.

    The stack confines itself to an empty folder, has read what it needs once it runs, and would remove the folder only
    at an orderly end, so that each killed gateway left one.
    """
    with tempfile.TemporaryDirectory(prefix="orchestra-sip-") as folder:
        before, tempfile.tempdir = tempfile.tempdir, folder
        try:
            yield
        finally:
            tempfile.tempdir = before
