"""Vonage's Voice API: calls are placed, and legs ended, with a token that our application's private key signs.

Sources: https://developer.vonage.com/en/api/voice (`POST /v1/calls`, `PUT /v1/calls/{uuid}`),
https://developer.vonage.com/en/getting-started/concepts/authentication (the token),
https://developer.vonage.com/en/voice/voice-api/concepts/advanced-machine-detection
"""

import secrets
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import jwt
import structlog

from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import CallUncertainError, SettingError
from orchestra.settings import Settings
from orchestra.voice.carriers.carrier_api import ask, need
from orchestra.voice.carriers.phone_number import check_number
from orchestra.voice.carriers.vonage.addresses import Addresses, CallState
from orchestra.voice.carriers.vonage.ncco import ANSWER_PATH, EVENT_PATH, LONGEST_RING_S

_LOG = structlog.get_logger("orchestra.voice")

_TOKEN_LIFETIME_S = 60
#: how long Vonage waits for an answering machine's tone
_BEEP_WITHIN_S = 45


class VonageRest:
    """The application of the settings, at Vonage's REST API."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def has_credentials(self) -> bool:
        """Whether Vonage can be asked for anything."""
        return bool(self._settings.vonage_application_id and self._settings.vonage_private_key.get_secret_value())

    async def place_call(self, call: str, to_number: str, addresses: Addresses, *, from_number: str = "") -> str:
        """Have Vonage ring ``to_number`` (E.164); once it is answered, an edge has it as ``call``.

        Returns:
            Vonage's id of the call.

        Raises:
            RejectedError: that is not a telephone number.
            SettingError: the application, its key or our own number is not set.
            CarrierError: Vonage refuses, or does not answer.

        """
        check_number(to_number)
        settings = self._settings
        need(VONAGE_NUMBER=settings.vonage_number)
        own = from_number or settings.vonage_number
        state = CallState(call, from_number=own, to_number=to_number, direction="outbound")
        order: dict[str, Any] = {
            "to": [{"type": "phone", "number": to_number.lstrip("+")}],
            "from": {"type": "phone", "number": own.lstrip("+")},
            "answer_url": [addresses.at(ANSWER_PATH, state)],
            "answer_method": "POST",
            "event_url": [addresses.at(EVENT_PATH, state)],
            "event_method": "POST",
            "ringing_timer": min(settings.ring_s, LONGEST_RING_S),
        }
        if settings.machine_detection:
            # `default` detects while the call goes on; otherwise the call begins after it, or after a tone
            mode = "default" if settings.machine_detection_async else "detect_beep"
            detection = {"behavior": "continue", "mode": mode, "beep_timeout": _BEEP_WITHIN_S}
            order["advanced_machine_detection"] = detection
        answer = await self._request("POST", "/v1/calls", order)
        try:
            placed = str(answer.json()["uuid"])
        except (ValueError, KeyError, TypeError):
            msg = f"the carrier at {settings.vonage_api_url} did not say which call it has placed"
            raise CallUncertainError(msg) from None
        _LOG.info("call.placed", call=call, provider_call=placed)
        return placed

    async def check_key(self) -> None:
        """See that Vonage takes our application and its key.

        Raises:
            SettingError: one is not set.
            CarrierError: Vonage refuses them, or does not answer.

        """
        await self._request("GET", "/v1/calls?page_size=1")

    async def hang_up(self, leg: str) -> None:
        """End this leg of a call.

        Raises:
            SettingError: the application or its key is not set.
            CarrierError: Vonage refuses, or does not answer.

        """
        await self._request("PUT", f"/v1/calls/{quote(leg, safe='')}", {"action": "hangup"})

    async def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._token()}"}
        return await ask(self._settings.vonage_api_url, method, path, json=body, headers=headers)

    def _token(self) -> str:
        settings, now = self._settings, int(SYSTEM_CLOCK.time())
        if not self.has_credentials:
            msg = "ORCHESTRA_VONAGE_APPLICATION_ID or ORCHESTRA_VONAGE_PRIVATE_KEY is not set: no call can be made"
            raise SettingError(msg)
        claims = {
            "application_id": settings.vonage_application_id,
            "iat": now,
            "exp": now + _TOKEN_LIFETIME_S,
            "jti": secrets.token_hex(16),
        }
        try:
            return jwt.encode(claims, _private_key(settings.vonage_private_key.get_secret_value()), algorithm="RS256")
        except (jwt.PyJWTError, ValueError, TypeError):
            msg = "ORCHESTRA_VONAGE_PRIVATE_KEY is no RSA key in PEM text, nor the name of a file with one"
            raise SettingError(msg) from None


def _private_key(setting: str) -> str:
    """The key, which the setting has itself or names a file for. A line break may be written as in JSON."""
    if "-----BEGIN" in setting:
        return setting.replace("\\n", "\n")
    try:
        return Path(setting).expanduser().read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        msg = f"ORCHESTRA_VONAGE_PRIVATE_KEY names a file that cannot be read: {type(error).__name__}"
        raise SettingError(msg) from None
