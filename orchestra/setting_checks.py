"""What a setting's text must look like; pydantic calls these with the text, and names the setting in the error.

Each raises ValueError, which says what to write, and returns the text as it is unless its docstring says otherwise.
"""

import re
from ipaddress import ip_network
from urllib.parse import quote, unquote, urlsplit

from pydantic import SecretStr

from orchestra.errors import AppError, SettingError
from orchestra.lines import Hours
from orchestra.prices import read_table

_SHORTEST_KEY = 32
_HIGHEST_PORT = 65_535
_SIP_CODECS = ("g722", "pcmu", "pcma")


def prefixes(text: str) -> str:
    """Beginnings of numbers, and hosts of SIP addresses, separated by commas."""
    for prefix in filter(None, (part.strip() for part in text.split(","))):
        if not re.fullmatch(r"\+[0-9]{0,15}|@[\w.-]+|@\[[0-9A-Fa-f:.]+\]", prefix, re.ASCII):
            msg = f"{prefix!r} begins no number and is no host of SIP addresses: write +1212,+44,@pbx.example.com"
            raise ValueError(msg)
    return text


def day_hours(text: str) -> str:
    """Hours of every day."""
    if text:
        try:
            Hours("UTC", {"mon-sun": text})
        except AppError as error:
            raise ValueError(str(error)) from None
    return text


def by_language(text: object) -> object:
    """A text, or JSON with one for each language; returns the latter as a table."""
    return read_table(text) if isinstance(text, str) and text.lstrip().startswith("{") else text


def attributes(attributes: dict[str, str]) -> dict[str, str]:
    """Names of attributes, apart from the one that we set ourselves."""
    for name in attributes:
        if not re.fullmatch(r"[A-Za-z_]{1,64}", name, re.ASCII) or name == "url":
            msg = f"{name!r} is no attribute that can be set"
            raise ValueError(msg)
    return attributes


def host_and_port(text: str) -> str:
    """A numeric address and a port."""
    host, _, port = text.rpartition(":")
    if not re.fullmatch(r"[0-9.]+|\[[0-9A-Fa-f:.]+\]", host, re.ASCII) or not re.fullmatch(
        r"[0-9]{1,5}", port, re.ASCII
    ):
        msg = f"{text!r} is not an address with a port: write 127.0.0.1:5060"
        raise ValueError(msg)
    return text


def port_range(text: str) -> str:
    """The first and the last of some ports."""
    found = re.fullmatch(r"([0-9]{4,5})-([0-9]{4,5})", text, re.ASCII)
    if found is None or not int(found[1]) < int(found[2]) <= _HIGHEST_PORT:
        msg = f"{text!r} is not a range of ports: write 10000-10999"
        raise ValueError(msg)
    return text


def networks(text: str) -> str:
    """Networks and addresses, separated by commas."""
    for network in filter(None, (part.strip() for part in text.split(","))):
        ip_network(network)
    return text


def codecs(text: str) -> str:
    """Codecs of SIP calls, separated by commas."""
    names = [part.strip() for part in text.split(",")]
    if unknown := [name for name in names if name not in _SIP_CODECS]:
        msg = f"{unknown[0]!r} is not a codec that is spoken: write {','.join(_SIP_CODECS)}"
        raise ValueError(msg)
    return text


def long_enough_key(secret: SecretStr) -> SecretStr:
    """A key that nobody can guess, or none."""
    if 0 < len(secret.get_secret_value()) < _SHORTEST_KEY:
        msg = f"fewer than {_SHORTEST_KEY} characters can be guessed: use random ones, or unset it to generate a key"
        raise ValueError(msg)
    return secret


def with_password(url: str | None, password: str) -> str:
    """The URL of a Redis server, with this password in it.

    Raises:
        SettingError: there is no URL, or one with another password.

    """
    if not url:
        msg = "ORCHESTRA_REDIS_PASSWORD is set, and ORCHESTRA_REDIS_URL is not: set the URL of the server, too"
        raise SettingError(msg)
    parts = urlsplit(url)
    login, _, hosts = parts.netloc.rpartition("@")
    user, _, given = login.partition(":")
    if given and unquote(given) != password:
        msg = "ORCHESTRA_REDIS_URL has another password than ORCHESTRA_REDIS_PASSWORD: write it in one of them"
        raise SettingError(msg)
    return parts._replace(netloc=f"{user}:{quote(password, safe='')}@{hosts}").geturl()


def time_of_day(text: str) -> str:
    """Hours and minutes, or nothing."""
    if text and not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text, re.ASCII):
        msg = f"{text!r} is not a time of the day: write 02:30"
        raise ValueError(msg)
    return text
