"""Plivo as a carrier: its webhooks, its media WebSockets, and calls placed over its voice API."""

from fastapi import APIRouter

from orchestra.errors import SettingError
from orchestra.settings import Settings
from orchestra.voice.carriers.plivo import documents, voice_api
from orchestra.voice.carriers.plivo.stream import MediaSockets
from orchestra.voice.carriers.plivo.webhooks import Webhooks
from orchestra.voice.carriers.port import CallControl
from orchestra.voice.carriers.public_url import PublicUrl
from orchestra.voice.carriers.stream_token import StreamTokens


class PlivoCarrier:
    """One Plivo account, whose webhooks come to ``public_url``."""

    def __init__(self, settings: Settings, public_url: str) -> None:
        self._settings = settings
        self._public = PublicUrl(public_url)
        self._auth_token = settings.plivo_auth_token.get_secret_value()
        self.tokens = StreamTokens(self._auth_token.encode())

    def check_settings(self) -> None:
        """See that the auth token is set.

        Raises:
            SettingError: it is not, and without it no webhook can be trusted.

        """
        if not self._auth_token:
            msg = "ORCHESTRA_PLIVO_AUTH_TOKEN is not set: without it nobody can tell Plivo's webhooks from others"
            raise SettingError(msg)

    def routes(self, control: CallControl) -> APIRouter:
        """The webhooks and the media WebSocket."""
        writer = documents.Documents(
            self._public, ring_s=self._settings.ring_s, audio=self._settings.plivo_audio, app=control.app
        )
        router = APIRouter()
        Webhooks(self._auth_token, self._public, self.tokens, control, writer).add_to(router)
        router.add_api_websocket_route(documents.STREAM_PATH, MediaSockets(self.tokens, control).serve)
        return router

    async def place_call(self, call: str, to_number: str, from_number: str = "") -> str:
        """Have Plivo ring this number.

        Returns:
            Plivo's id of the request.

        Raises:
            RejectedError: that is not a telephone number.
            SettingError: the account or our own number is not set.
            CarrierError: Plivo refuses, or does not answer.

        """
        return await voice_api.place_call(self._settings, call, to_number, self._public, from_number=from_number)


def open_carrier(settings: Settings, public_url: str) -> PlivoCarrier:
    """Plivo as these settings have it."""
    return PlivoCarrier(settings, public_url)
