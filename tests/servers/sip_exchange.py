"""An exchange (PBX) as far as the gateway needs one: it registers whoever knows the password, and is busy when called.

RFC 3261 §10 and §22, RFC 2617.
"""

import asyncio
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import Any, Self

from orchestra.simulator.sip.messages import Request, parse_message

_REALM = "exchange.example.com"


@dataclass
class SipExchange:
    """Listens for REGISTER on a port of 127.0.0.1.

    Attributes:
        registered: the contacts, by user.
        refused: how many requests had a wrong password.

    """

    users: dict[str, str]
    registered: dict[str, str] = field(default_factory=dict)
    refused: int = 0
    port: int = 0
    _nonces: set[str] = field(default_factory=set)
    _transport: Any = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: _Protocol(self), ("127.0.0.1", 0))
        self.port = self._transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._transport.close()

    def take(self, data: bytes, source: tuple[str, int]) -> None:
        if not data.strip():
            return  # a keep-alive
        message = parse_message(data)
        if not isinstance(message, Request) or message.method == "ACK":
            return
        if (user := self._checked(message)) is None:
            nonce = secrets.token_hex(8)
            self._nonces.add(nonce)
            challenge = f'Digest realm="{_REALM}", nonce="{nonce}", algorithm=MD5, qop="auth"'
            answer = message.response(401, "Unauthorized", to_tag="x", more=[("www-authenticate", challenge)])
        elif message.method == "REGISTER":
            expires = message.get("expires") or "300"
            contact = message.get("contact")
            self.registered[user] = contact if expires != "0" else ""
            answer = message.response(200, "OK", to_tag="x", more=[("contact", f"{contact};expires={expires}")])
        else:
            answer = message.response(486, "Busy Here", to_tag="x")
        self._transport.sendto(answer.encode(), source)

    def _checked(self, request: Request) -> str | None:
        """The user whose password the request proves to know."""
        given = dict(re.findall(r'(\w+)="?([^",]*)"?', request.get("authorization")))
        if not given:
            return None
        password = self.users.get(given["username"], "")
        of_user = _md5(given["username"], _REALM, password)
        of_request = _md5(request.method, given["uri"])
        proof = _md5(of_user, given["nonce"], given["nc"], given["cnonce"], given["qop"], of_request)
        if password and given["nonce"] in self._nonces and proof == given["response"]:
            return given["username"]
        self.refused += 1
        return None


def _md5(*parts: str) -> str:
    return hashlib.md5(":".join(parts).encode()).hexdigest()


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, exchange: SipExchange) -> None:
        self._exchange = exchange

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._exchange.take(data, addr)
