"""Free ports for a stack's SIP gateway, where the settings leave them open."""

import socket

from orchestra.settings import Settings

_HIGHEST = 60_000


def with_sip_ports(settings: Settings) -> Settings:
    """The settings with free ports in place of 0: SIP takes two in a row, the second for TLS."""
    if not settings.sip:
        return settings
    host, _, port = settings.sip_listen.rpartition(":")
    listen = settings.sip_listen if int(port) else f"{host}:{_free_pair(host.strip('[]'))}"
    url, _, number = settings.sip_url.rpartition(":")
    control = f"{url}:{_free_pair('127.0.0.1')}" if number == "0" else settings.sip_url
    return settings.model_copy(update={"sip_listen": listen, "sip_url": control})


def _free_pair(host: str) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        with socket.socket(family) as probe:
            probe.bind((host, 0))
            first: int = probe.getsockname()[1]
        if first < _HIGHEST and all(_is_free(family, host, port) for port in (first, first + 1)):
            return first


def _is_free(family: int, host: str, port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(family, kind) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True
