"""Vonage as a carrier: its webhooks, its media WebSockets, and calls placed over its Voice API."""

from fastapi import APIRouter

from orchestra.errors import SettingError
from orchestra.settings import Settings
from orchestra.voice.carriers.port import CallControl
from orchestra.voice.carriers.stream_token import StreamTokens
from orchestra.voice.carriers.vonage import ncco
from orchestra.voice.carriers.vonage.addresses import Addresses
from orchestra.voice.carriers.vonage.rest import VonageRest
from orchestra.voice.carriers.vonage.signed_webhooks import WebhookSignatures
from orchestra.voice.carriers.vonage.webhooks import Webhooks
from orchestra.voice.carriers.vonage.websocket import MediaSockets


class VonageCarrier:
    """One Vonage application, whose webhooks come to ``public_url``."""

    def __init__(self, settings: Settings, public_url: str) -> None:
        self._settings = settings
        self._secret = settings.vonage_signature_secret.get_secret_value()
        self._addresses = Addresses.signed_with(self._secret.encode(), public_url)
        self._rest = VonageRest(settings)
        self.tokens = StreamTokens(self._secret.encode())

    def check_settings(self) -> None:
        """See that the signature secret is set.

        Raises:
            SettingError: it is not, and without it no webhook can be trusted.

        """
        if not self._secret:
            msg = "ORCHESTRA_VONAGE_SIGNATURE_SECRET is not set: no webhook can be told from a forged one"
            raise SettingError(msg)

    def routes(self, control: CallControl) -> APIRouter:
        """The webhooks and the media WebSocket."""
        signatures = WebhookSignatures(self._secret, self._settings.vonage_application_id)
        webhooks = Webhooks(
            self._settings,
            control,
            signatures=signatures,
            addresses=self._addresses,
            tokens=self.tokens,
            rest=self._rest,
        )
        router = APIRouter()
        webhooks.add_to(router)
        router.add_api_websocket_route(ncco.STREAM_PATH, MediaSockets(self.tokens, control).serve)
        return router

    async def place_call(self, call: str, to_number: str, from_number: str = "") -> str:
        """Have Vonage ring this number.

        Returns:
            Vonage's id of the call.

        Raises:
            RejectedError: that is not a telephone number.
            SettingError: the application, its key or our own number is not set.
            CarrierError: Vonage refuses, or does not answer.

        """
        return await self._rest.place_call(call, to_number, self._addresses, from_number=from_number)


def open_carrier(settings: Settings, public_url: str) -> VonageCarrier:
    """Vonage as these settings have it."""
    return VonageCarrier(settings, public_url)
