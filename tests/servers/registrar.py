"""A small exchange: who registers there, or calls through it, proves it by digest (RFC 3261 §22, RFC 7616)."""

import hashlib
import re
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from orchestra.simulator.sip import Leg, Request, Response, Telephone
from orchestra.simulator.sip.messages import address, parameter, user_of

REALM = "exchange.test"


@dataclass(frozen=True, slots=True)
class Registration:
    """Where a user is reached, and for how many seconds."""

    user: str
    contact: str
    expires_s: int


class Exchange:
    """An exchange of one account. Enter its `phone` to open it.

    Attributes:
        phone: its telephone: it takes the calls that are let through, and calls whom it knows.
        registrations: those that succeeded, in their order.
        refused: how many requests proved nothing, the first of each included.

    """

    def __init__(
        self,
        user: str,
        password: str,
        *,
        on_call: Callable[[Leg], Coroutine[Any, Any, None]] | None = None,
        **phone: Any,
    ) -> None:
        self._user, self._password = user, password
        self._nonces: set[str] = set()
        self.registrations: list[Registration] = []
        self.refused = 0
        self.phone = Telephone(user="exchange", name="", on_call=on_call, on_request=self._answer, **phone)

    def _answer(self, request: Request) -> Response | None:
        """The answer to a request that is not part of a call; None: it goes on as with any telephone."""
        match request.method:
            case "REGISTER":
                return self._register(request) if self._proven(request, "authorization") else self._challenge(request)
            case "INVITE" if not self._proven(request, "proxy-authorization"):
                return self._challenge(request)
            case _:
                return None

    def _register(self, request: Request) -> Response:
        contact = request.get("contact")
        expires_s = int(parameter(contact, "expires") or request.get("expires") or 3600)
        self.registrations.append(Registration(user_of(address(request.get("to"))), address(contact), expires_s))
        return request.response(200, "OK", more=[("contact", f"<{address(contact)}>;expires={expires_s}")])

    def _challenge(self, request: Request) -> Response:
        self.refused += 1
        nonce = secrets.token_hex(16)
        self._nonces.add(nonce)
        name, status, reason = (
            ("www-authenticate", 401, "Unauthorized")
            if request.method == "REGISTER"
            else ("proxy-authenticate", 407, "Proxy Authentication Required")
        )
        digest = f'Digest realm="{REALM}", nonce="{nonce}", algorithm=MD5, qop="auth"'
        return request.response(status, reason, to_tag=secrets.token_hex(4), more=[(name, digest)])

    def _proven(self, request: Request, header: str) -> bool:
        given = {
            name.lower(): quoted or plain
            for name, quoted, plain in re.findall(r'(\w+)\s*=\s*(?:"([^"]*)"|([^,\s]+))', request.get(header))
        }
        if given.get("nonce") not in self._nonces or given.get("username") != self._user:
            return False
        ours = _md5(self._user, REALM, self._password)
        what = _md5(request.method, given.get("uri", ""))
        once = (given["nonce"], given.get("nc", ""), given.get("cnonce", ""), given["qop"]) if "qop" in given else ()
        return given.get("response") == _md5(ours, *(once or (given["nonce"],)), what)


def _md5(*parts: str) -> str:
    return hashlib.md5(":".join(parts).encode()).hexdigest()
