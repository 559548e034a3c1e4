"""Who may call from a browser: pages of this machine, and pages of the sites that a widget key names."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import msgspec
from fastapi import Request

from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import RejectedError
from orchestra.signing import Signer
from orchestra.voice.carriers.browser.call_key import is_line

_PURPOSE = "orchestra widget key 1"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
#: set by proxies and tunnels: the request comes from elsewhere
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_MINUTE_S, _DAY_S = 60, 86_400
_LONGEST_KEY = 4_000


class WidgetClaims(msgspec.Struct, frozen=True):
    """What a widget key allows.

    Attributes:
        line: the line that its pages call.
        origins: sites whose pages may use it: ``https://www.example.com``.
        calls_a_day: how many calls, over all callers.
        calls_a_minute: how many calls from one address.
        expires: epoch seconds.

    """

    line: str
    origins: tuple[str, ...]
    calls_a_day: int
    calls_a_minute: int
    expires: int


class WidgetKeys:
    """Issues and checks widget keys. A key is public: it stands in the page, so it is good for its sites only."""

    def __init__(self, secret: bytes) -> None:
        self._signer = Signer(secret, _PURPOSE)

    def issue(self, claims: WidgetClaims) -> str:
        """The key with these claims.

        Raises:
            RejectedError: an origin or the line is not one.

        """
        if not is_line(claims.line):
            msg = f"{claims.line[:64]!r} cannot be the name of a line"
            raise RejectedError(msg)
        for origin in claims.origins:
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or f"{parts.scheme}://{parts.netloc}" != origin:
                msg = f"{origin!r} is no origin: give scheme and host, like https://www.example.com"
                raise RejectedError(msg)
        body = msgspec.json.encode(claims).hex()
        return f"{body}.{self._signer.sign(body, str(claims.expires))}"

    def check(self, key: str, now: float) -> WidgetClaims:
        """The claims of a key.

        Raises:
            RejectedError: it is not one of ours, or has expired.

        """
        body, _, signature = key[:_LONGEST_KEY].partition(".")
        try:
            claims = msgspec.json.decode(bytes.fromhex(body), type=WidgetClaims)
        except (ValueError, msgspec.DecodeError):
            msg = "the widget key cannot be read"
            raise RejectedError(msg) from None
        expires = str(claims.expires)
        self._signer.check("the widget key", signature, body, expires, expires=expires, now=now)
        return claims


class Visitors:
    """Decides which requests may begin a call.

    Args:
        keys: checks widget keys.
        count: counts a use, over all edges: name and seconds of a window → how many there were in this one.
        local: whether pages of this machine need no key.

    """

    def __init__(self, keys: WidgetKeys, count: Callable[[str, int], Awaitable[int]], *, local: bool) -> None:
        self._keys = keys
        self._count = count
        self._local = local

    async def admit(self, request: Request, key: str) -> WidgetClaims | None:
        """Admit a page that asks for a call. None: it is a page of this machine.

        Raises:
            RejectedError: it may not call, or has called too often.

        """
        origin = request.headers.get("origin", "")
        if not key and not self._local:
            msg = "a widget key is needed: the edge can be reached from outside"
            raise RejectedError(msg)
        if not key:
            _check_local(request, origin)
            return None
        claims = self._keys.check(key, SYSTEM_CLOCK.time())
        if origin not in claims.origins:
            msg = f"the widget key is not for pages of {origin[:100] or 'no origin'}"
            raise RejectedError(msg)
        peer = request.client.host if request.client is not None else ""
        of_key = key.rpartition(".")[2][:16]
        if await self._count(f"widget {of_key} {peer}", _MINUTE_S) > claims.calls_a_minute:
            msg = "too many calls from this address in a minute"
            raise RejectedError(msg)
        if await self._count(f"widget {of_key}", _DAY_S) > claims.calls_a_day:
            msg = "the widget key's calls of the day are used up"
            raise RejectedError(msg)
        return claims


def _check_local(request: Request, origin: str) -> None:
    """A tunnel's or proxy's requests come from this machine, too, but they say so, or name another host.

    Raises:
        RejectedError: it is not a page of this machine.

    """
    peer = request.client.host if request.client is not None else ""
    host = urlsplit(f"//{request.headers.get('host', '')}")
    forwarded = next((name for name in _FORWARDED if name in request.headers), "")
    if peer not in _LOOPBACK or host.hostname not in _LOOPBACK or forwarded:
        msg = "without a widget key only pages that this machine opens on itself may call"
        raise RejectedError(msg)
    if origin and urlsplit(origin).netloc != host.netloc:
        msg = f"a page of {origin[:100]} may not call without a widget key"
        raise RejectedError(msg)
