"""Outbound calls over Twilio's REST API; what follows comes to the edge's webhooks.

Source: https://www.twilio.com/docs/voice/api/call-resource
"""

from dataclasses import dataclass

import structlog
from aiohttp import ClientConnectorError, ClientError
from twilio.base.exceptions import TwilioException, TwilioRestException  # type: ignore[import-untyped]
from twilio.http.async_http_client import AsyncTwilioHttpClient  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from orchestra.errors import CallUncertainError, CarrierError
from orchestra.settings import Settings
from orchestra.voice.carriers.carrier_api import need
from orchestra.voice.carriers.phone_number import check_number
from orchestra.voice.carriers.public_url import PublicUrl
from orchestra.voice.carriers.twilio.twiml import MACHINE_PATH, STATUS_PATH, VOICE_PATH

_LOG = structlog.get_logger("orchestra.voice")

_ANSWER_WITHIN_S = 15.0
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Account:
    """The account as Twilio has it: its status ("active") and its numbers, E.164."""

    status: str
    numbers: tuple[str, ...]


async def account_of(settings: Settings) -> Account:
    """Ask Twilio for our account, and whether the number in the settings is one of its numbers.

    Raises:
        CarrierError: the carrier refuses the credentials, or does not answer.

    """
    http = AsyncTwilioHttpClient(timeout=_ANSWER_WITHIN_S)
    try:
        client = Client(settings.twilio_account_sid, settings.twilio_auth_token.get_secret_value(), http_client=http)
        client.api.base_url = settings.twilio_api_url
        account = await client.api.accounts(settings.twilio_account_sid).fetch_async()
        number = settings.twilio_number
        numbers = await client.incoming_phone_numbers.list_async(phone_number=number, limit=20) if number else []
    except TwilioRestException as error:
        msg = f"the carrier at {settings.twilio_api_url} refuses the credentials or what was asked: {error.status}"
        raise CarrierError(msg) from error
    except (TwilioException, ClientError, TimeoutError) as error:
        msg = f"the carrier at {settings.twilio_api_url} does not answer: {error!r}"
        raise CarrierError(msg) from error
    finally:
        await http.close()
    return Account(str(account.status), tuple(str(each.phone_number) for each in numbers))


async def place_call(settings: Settings, call: str, to_number: str, public: PublicUrl, *, from_number: str = "") -> str:
    """Have Twilio ring ``to_number`` (E.164); once it is answered, an edge has it as ``call``.

    Returns:
        Twilio's id of the call.

    Raises:
        RejectedError: that is not a telephone number.
        SettingError: the account or our own number is not set.
        CallUncertainError: the carrier does not say whether it has taken the call.
        CarrierError: the carrier refuses.

    """
    check_number(to_number)
    auth_token = settings.twilio_auth_token.get_secret_value()
    need(
        TWILIO_ACCOUNT_SID=settings.twilio_account_sid,
        TWILIO_AUTH_TOKEN=auth_token,
        TWILIO_NUMBER=settings.twilio_number,
    )
    http = AsyncTwilioHttpClient(timeout=_ANSWER_WITHIN_S)
    try:
        client = Client(settings.twilio_account_sid, auth_token, http_client=http)
        client.api.base_url = settings.twilio_api_url
        detection: dict[str, str] = {}
        if settings.machine_detection:
            detection["machine_detection"] = "DetectMessageEnd"
            if settings.machine_detection_async:
                answered = public.at(MACHINE_PATH, call=call)
                detection |= {"async_amd": "true", "async_amd_status_callback": answered}
        placed = await client.calls.create_async(
            to=to_number,
            from_=from_number or settings.twilio_number,
            url=public.at(VOICE_PATH, call=call),
            method="POST",
            status_callback=public.at(STATUS_PATH, call=call),
            status_callback_method="POST",
            status_callback_event=["initiated", "ringing", "answered", "completed"],
            timeout=settings.ring_s,
            **detection,
        )
    except (TwilioException, ClientError, TimeoutError) as error:
        msg = f"the carrier at {settings.twilio_api_url} did not take the call: {error}"
        refused = isinstance(error, TwilioRestException) and error.status < _SERVER_ERROR
        if refused or isinstance(error, ClientConnectorError):
            raise CarrierError(msg) from error
        raise CallUncertainError(msg) from error
    finally:
        await http.close()
    _LOG.info("call.placed", call=call, provider_call=placed.sid)
    return str(placed.sid)
