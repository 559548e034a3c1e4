"""Twilio as a carrier: its webhooks, its WebSockets, and calls placed over its REST API."""

from fastapi import APIRouter

from orchestra.errors import SettingError
from orchestra.settings import Settings
from orchestra.voice.carriers.port import CallControl
from orchestra.voice.carriers.public_url import PublicUrl
from orchestra.voice.carriers.relay_socket import RelaySockets
from orchestra.voice.carriers.stream_token import StreamTokens
from orchestra.voice.carriers.twilio import rest, twiml
from orchestra.voice.carriers.twilio.webhooks import TwimlDocuments, Webhooks
from orchestra.voice.carriers.twilio.websocket import MediaSockets


class TwilioCarrier:
    """One Twilio account, whose webhooks come to ``public_url``."""

    def __init__(self, settings: Settings, public_url: str) -> None:
        self._settings = settings
        self._public = PublicUrl(public_url)
        self._auth_token = settings.twilio_auth_token.get_secret_value()
        self.tokens = StreamTokens(self._auth_token.encode())

    def check_settings(self) -> None:
        """See that the auth token is set.

        Raises:
            SettingError: it is not, and without it no webhook can be trusted.

        """
        if not self._auth_token:
            msg = "ORCHESTRA_TWILIO_AUTH_TOKEN is not set: without it nobody can tell Twilio's webhooks from others"
            raise SettingError(msg)

    def routes(self, control: CallControl) -> APIRouter:
        """The webhooks and the WebSockets: calls of either kind may come back to an edge whose setting has changed."""
        settings = self._settings
        relay = settings.relay_attributes if settings.twilio_media == "relay" else None
        queues = bool(settings.twilio_account_sid and settings.twilio_number)
        documents = TwimlDocuments(self._public, settings.ring_s, relay, queues=queues)
        router = APIRouter()
        Webhooks(settings, self.tokens, control, documents).add_to(router)
        router.add_api_websocket_route(twiml.STREAM_PATH, MediaSockets(self.tokens, control).serve)
        router.add_api_websocket_route(twiml.RELAY_PATH, RelaySockets(self.tokens, control, "twilio").serve)
        return router

    async def place_call(self, call: str, to_number: str, from_number: str = "") -> str:
        """Have Twilio ring this number.

        Returns:
            Twilio's id of the call.

        Raises:
            RejectedError: that is not a telephone number.
            SettingError: the account or our own number is not set.
            CarrierError: Twilio refuses, or does not answer.

        """
        return await rest.place_call(self._settings, call, to_number, self._public, from_number=from_number)


def open_carrier(settings: Settings, public_url: str) -> TwilioCarrier:
    """Twilio as these settings have it."""
    return TwilioCarrier(settings, public_url)
