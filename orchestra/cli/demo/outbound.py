"""The demo's outbound call: requested over the edge's HTTP API, placed by a simulated carrier."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
from pydantic import SecretStr

from orchestra.errors import OrchestraError

if TYPE_CHECKING:
    from orchestra.settings import Settings
    from orchestra.simulator import CallOutcome, PhoneLine, ScriptedConversation

_NUMBER, _OWN_NUMBER = "+15550001", "+15550100"


@dataclass
class Ordered:
    """The simulated carrier's account, and the call that it was asked to place."""

    url: str
    account_sid: str
    auth_token: str
    dial_token: str = field(default_factory=lambda: secrets.token_hex(16))
    order: "asyncio.Future[tuple[dict[str, str], str]]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def settings(self, settings: "Settings") -> "Settings":
        """Settings of an edge with the simulated carrier."""
        return settings.model_copy(
            update={
                "twilio_api_url": self.url,
                "twilio_account_sid": self.account_sid,
                "twilio_auth_token": SecretStr(self.auth_token),
                "twilio_number": _OWN_NUMBER,
                "dial_token": SecretStr(self.dial_token),
                "dial_prefixes": _NUMBER,
            }
        )


@asynccontextmanager
async def ordering() -> AsyncIterator[Ordered]:
    """A carrier that accepts outbound calls."""
    from orchestra.simulator import TwilioRestServer

    account_sid, auth_token = "AC" + secrets.token_hex(16), secrets.token_hex(16)

    async def rings(order: dict[str, str], sid: str) -> None:
        ordered.order.set_result((order, sid))

    async with TwilioRestServer(account_sid, auth_token, rings) as carrier:
        ordered = Ordered(carrier.url, account_sid, auth_token)
        yield ordered


async def called(
    url: str, ordered: Ordered, answered_by: str, line: "PhoneLine", talk: "ScriptedConversation"
) -> "CallOutcome":
    """Order a call as a program would, and be the one who is called.

    Raises:
        OrchestraError: the edge or the carrier did not take the order.

    """
    from orchestra.simulator import Caller

    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        headers = {"Authorization": f"Bearer {ordered.dial_token}"}
        answer = await http.post(f"{url}/calls", json={"to": _NUMBER}, headers=headers)
    if answer.status_code != httpx.codes.CREATED:
        msg = f"the edge did not take the order for a call: {answer.status_code} {answer.text}"
        raise OrchestraError(msg)
    order, sid = await ordered.order
    caller = Caller(
        url,
        ordered.auth_token,
        from_number=order["From"],
        to_number=order["To"],
        answered_by=answered_by,
        voice_url=order["Url"],
        call_sid=sid,
    )
    ending = await caller.call(line, talk)
    await caller.send_status(order["StatusCallback"], "completed")
    return ending
