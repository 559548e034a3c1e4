"""Every carrier of an edge, simulated: the settings of an edge that takes its calls, and its callers."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from orchestra.settings import Settings
from orchestra.simulator.browser_caller import BrowserCaller
from orchestra.simulator.caller import Caller, CallerBehaviour, CallOutcome
from orchestra.simulator.phone_line import PhoneLine
from orchestra.simulator.plivo_caller import PlivoCaller
from orchestra.simulator.relay_session import RelayVoice
from orchestra.simulator.sip_caller import SipCaller
from orchestra.simulator.sip_person import SipPerson
from orchestra.simulator.telnyx_caller import TelnyxCaller
from orchestra.simulator.telnyx_network import TelnyxNetwork
from orchestra.simulator.transfer_target import TransferTarget
from orchestra.simulator.vonage_caller import VonageCaller
from orchestra.stack.sip_ports import with_sip_ports


class SimulatedCaller(Protocol):
    """Somebody who calls an edge once."""

    @property
    def provider_call(self) -> str:
        """With which the carrier's id of the call begins, in `CallStarted`; empty until there is one."""

    async def call(self, line: PhoneLine, conversation: CallerBehaviour) -> CallOutcome:
        """Make the call over this line, run the conversation in it, and return when the call is over."""


@dataclass(frozen=True, slots=True)
class SimulatedCarrier:
    """One carrier, simulated.

    Attributes:
        name: the carrier's, as settings have it.
        settings: of an edge that takes its calls.
        caller: makes a caller of the edge at this address; the second argument is the person of a transfer.
        text_caller: the same for an edge that has its calls as text (``NAME_media`` is ``relay``): the carrier has ears
            and a voice. None where it has none.

    """

    name: str
    settings: dict[str, str]
    caller: Callable[[str, TransferTarget | None], SimulatedCaller]
    text_caller: Callable[[str, TransferTarget | None, RelayVoice], SimulatedCaller] | None = None


#: the carriers that can be simulated
SIMULATED_CARRIERS = ("twilio", "browser", "telnyx", "plivo", "vonage", "sip")


@asynccontextmanager
async def simulated_carrier(name: str) -> AsyncIterator[SimulatedCarrier]:
    """One of `SIMULATED_CARRIERS`, with an account of its own, while the block runs."""
    secret = secrets.token_hex(32)
    match name:
        case "browser":
            yield SimulatedCarrier(name, {}, lambda url, _: BrowserCaller(url))
        case "telnyx":
            async with TelnyxNetwork() as network:
                yield SimulatedCarrier(
                    name,
                    network.settings,
                    lambda url, person: TelnyxCaller(network, url, transfer_target=person),
                    lambda url, person, voice: TelnyxCaller(network, url, transfer_target=person, relay=voice),
                )
        case "plivo":
            yield SimulatedCarrier(
                name,
                {"carrier": name, "plivo_auth_token": secret},
                lambda url, person: PlivoCaller(url, secret, transfer_target=person),
            )
        case "vonage":
            yield SimulatedCarrier(
                name,
                {"carrier": name, "vonage_signature_secret": secret},
                lambda url, person: VonageCaller(url, secret, transfer_target=person or TransferTarget()),
            )
        case "sip":
            opened = with_sip_ports(Settings(sip=True, sip_listen="127.0.0.1:0", sip_url="http://127.0.0.1:0"))
            async with SipPerson() as anna:
                settings = {"sip": "true", "sip_listen": opened.sip_listen, "sip_url": opened.sip_url}
                yield SimulatedCarrier(
                    name,
                    settings | {"sip_trunk": anna.phone.via},
                    lambda _, person: SipCaller(
                        f"sip:demo@{opened.sip_listen}", transfer_target=anna.answers_as(person or TransferTarget())
                    ),
                )
        case _:
            yield SimulatedCarrier(
                name,
                {"carrier": name, "twilio_auth_token": secret},
                lambda url, person: Caller(url, secret, transfer_target=person),
                lambda url, person, voice: Caller(url, secret, transfer_target=person, relay=voice),
            )
