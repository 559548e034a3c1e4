"""Hides secrets in texts: passwords and keys in URLs, credentials in headers, values that are known to be secret.

`OrchestraError` masks its message, and the log every entry: a secret in a URL, or in the exception of a library, is
neither raised nor logged.
"""

import re
from collections.abc import Callable, Iterable
from urllib.parse import unquote

_HIDDEN = "…"
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*://)([^\s\"<>]+)")
_NEXT = re.compile(r"(?:(?<=[,;|=(\[])|(?<=::))[A-Za-z][A-Za-z0-9+.\-]*://")
_QUERY = re.compile(r"([?&#][\w.\-\[\]%~$]+)=([^&#\s\"'<>)]+)")
_HEADER = re.compile(r"\b(Bearer|Basic|Token) [\w\-.~+/=]{12,}")
_OPTION = re.compile(r"\b(\w*(?:password|passwd))\s?=\s?[^\s&#,;)\"'…]+", re.IGNORECASE)
_HTTP = ("http://", "https://", "ws://", "wss://")
#: query parameters that are shown: they help to understand the message, and are never secret
_OPEN = frozenset(
    {
        "db", "ssl", "protocol", "health_check_interval", "socket_timeout", "socket_connect_timeout", "max_connections",
        "ssl_ca_certs", "ssl_ca_path", "ssl_cert_reqs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname",
        "api-version", "expires", "format", "limit", "model", "page", "page_size", "project", "version",
    }
)  # fmt: skip
#: a part of a path that is a key, as in webhooks: long, in both cases, with digits, without a hyphen. Model names have
#: hyphens, call ids no capitals, and Twilio's ids (two capitals, 32 hexadecimal digits) are not secret
_KEY_IN_PATH = re.compile(
    r"(?<=/)(?![A-Z]{2}[0-9a-f]{32}(?![^/?#\s]))(?=[A-Za-z0-9]*[a-z])(?=[A-Za-z0-9]*[A-Z])(?=[A-Za-z0-9]*[0-9])"
    r"[A-Za-z0-9]{20,}[\w\-]*(?![^/?#,;:)\]}\s])"
)
#: shorter values also occur in ordinary words
_SHORTEST = 6


def without_secrets(text: str) -> str:
    """The text with the secrets of every URL in it hidden: ``redis://user:…@host/0?sentinel_password=…&ssl=1``.

    A password may hold any character, ``/`` and ``@`` too: everything up to the last ``@`` is hidden. Query values are
    hidden unless they cannot be secret; parts of a path are hidden if they look like keys.
    """
    if "://" in text:
        text = _URL.sub(lambda found: found[1] + _without_login(found[1].lower(), found[2]), text)
        text = _URL.sub(lambda found: found[1] + _KEY_IN_PATH.sub(_HIDDEN, found[2]), text)
    if "=" in text:
        text = _OPTION.sub(rf"\1={_HIDDEN}", _QUERY.sub(_option, text))
    return _HEADER.sub(rf"\1 {_HIDDEN}", text)


def _without_login(scheme: str, rest: str) -> str:
    if (following := _NEXT.search(rest)) is not None:  # several URLs in one word: each has its own login
        start = following.start()
        return _without_login(scheme, rest[:start]) + without_secrets(rest[start:])
    before_query = re.split(r"[?#]", rest, maxsplit=1)[0]
    end = before_query.rfind("@")
    user, colon, _ = rest.partition(":")
    if end < 0 and colon and not re.match(r"[\d,\]]|$", rest[len(user) + 1 :]):
        end = rest.rfind("@")  # not a port, but a password with a question mark in it
    if end < 0:
        return rest
    user, colon, _ = rest[:end].partition(":")
    if colon:
        return f"{user}:{_HIDDEN}{rest[end:]}"
    return f"{_HIDDEN}{rest[end:]}" if scheme in _HTTP and "/" not in user else rest


def _option(found: re.Match[str]) -> str:
    name = found[1][1:]
    return found[0] if name.lower() in _OPEN else f"{found[1]}={_HIDDEN}"


def secrets_in(url: str) -> list[str]:
    """The password and the secret query values of a URL, as written there; nothing if the text is not a URL.

    Also the parts of a password with ``/`` in it: a parser that mistakes one for a port quotes it in its error.
    """
    scheme, mark, rest = url.partition("://")
    if not mark:
        return []
    login = re.split(r"[?#]", rest, maxsplit=1)[0].rpartition("@")[0]
    password = login.partition(":")[2] or (login if f"{scheme.lower()}://" in _HTTP else "")
    found = list(dict.fromkeys([password, *re.split(r"[/@]", password)]))
    return found + [each[2] for each in _QUERY.finditer(rest) if each[1][1:].lower() not in _OPEN]


def without_login(url: str) -> str:
    """The public form of a URL: without user, password, query and fragment."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url
    host, slash, path = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{_KEY_IN_PATH.sub(_HIDDEN, slash + path)}"


def masking(values: Iterable[str]) -> Callable[[str], str]:
    """A function that hides these secret values in a text, besides those that `without_secrets` finds."""
    every = {form for value in values for form in (value, unquote(value)) if len(form) >= _SHORTEST}
    if not every:
        return without_secrets
    known = re.compile("|".join(map(re.escape, sorted(every, key=len, reverse=True))))
    return lambda text: known.sub(_HIDDEN, without_secrets(text))
