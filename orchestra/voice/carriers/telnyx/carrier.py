"""Telnyx as a carrier: its webhooks, its media WebSockets, and calls placed by command."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import APIRouter

from orchestra.settings import Settings
from orchestra.voice.carriers.carrier_api import need
from orchestra.voice.carriers.phone_number import check_number
from orchestra.voice.carriers.port import CallControl
from orchestra.voice.carriers.public_url import PublicUrl
from orchestra.voice.carriers.relay_socket import RelaySockets
from orchestra.voice.carriers.stream_token import StreamTokens
from orchestra.voice.carriers.telnyx import WEBHOOK_PATH
from orchestra.voice.carriers.telnyx.call_flow import RELAY_PATH, STREAM_PATH, CallFlow
from orchestra.voice.carriers.telnyx.client_state import ClientState
from orchestra.voice.carriers.telnyx.commands import Commands
from orchestra.voice.carriers.telnyx.signature import WebhookKey
from orchestra.voice.carriers.telnyx.webhooks import Webhooks
from orchestra.voice.carriers.telnyx.websocket import MediaSockets
from orchestra.voice.carriers.webhook import checked

_LOG = structlog.get_logger("orchestra.voice")


class TelnyxCarrier:
    """One Telnyx account, whose webhooks come to ``public_url``."""

    def __init__(self, settings: Settings, public_url: str) -> None:
        self._settings = settings
        self._public = PublicUrl(public_url)
        self._commands = Commands(settings)
        self.tokens = StreamTokens(settings.telnyx_api_key.get_secret_value().encode())

    def check_settings(self) -> None:
        """See that the keys are set.

        Raises:
            SettingError: one is not: without them no webhook can be trusted, and no call answered.

        """
        need(TELNYX_API_KEY=self._settings.telnyx_api_key.get_secret_value())
        WebhookKey(self._settings.telnyx_public_key)

    def routes(self, control: CallControl) -> APIRouter:
        """The webhook and the WebSockets."""
        flow = CallFlow(self._settings, self._public, self.tokens, self._commands, control)
        webhooks = Webhooks(self._settings, WebhookKey(self._settings.telnyx_public_key), flow, control)

        @asynccontextmanager
        async def lifespan(_: object) -> AsyncIterator[None]:
            async with self._commands:
                yield
                await flow.close()

        router = APIRouter(lifespan=lifespan)
        router.add_api_route(WEBHOOK_PATH, checked(control, webhooks.read, webhooks.act), methods=["POST"])
        router.add_api_websocket_route(STREAM_PATH, MediaSockets(self.tokens, control, flow.after_stream).serve)
        relay = RelaySockets(self.tokens, control, "telnyx", flow.after_stream)
        router.add_api_websocket_route(RELAY_PATH, relay.serve)
        return router

    async def place_call(self, call: str, to_number: str, from_number: str = "") -> str:
        """Have Telnyx ring this number.

        Returns:
            Telnyx's id of the call.

        Raises:
            RejectedError: that is not a telephone number.
            SettingError: the account, its application or our own number is not set.
            CarrierError: Telnyx refuses, or does not answer.

        """
        check_number(to_number)
        settings = self._settings
        need(
            TELNYX_API_KEY=settings.telnyx_api_key.get_secret_value(),
            TELNYX_CONNECTION_ID=settings.telnyx_connection_id,
            TELNYX_NUMBER=settings.telnyx_number,
        )
        own = from_number or settings.telnyx_number
        state = ClientState(call, from_number=own, to_number=to_number, direction="outbound")
        placed = await self._commands.dial(
            f"{call}.dial",
            connection_id=settings.telnyx_connection_id,
            to=to_number,
            **{"from": own},
            timeout_secs=settings.ring_s,
            client_state=state.encode(),
            webhook_url=self._public.at(WEBHOOK_PATH),
            answering_machine_detection="greeting_end" if settings.machine_detection else "disabled",
        )
        _LOG.info("call.placed", call=call, provider_call=placed)
        return placed


def open_carrier(settings: Settings, public_url: str) -> TelnyxCarrier:
    """Telnyx as these settings have it."""
    return TelnyxCarrier(settings, public_url)
