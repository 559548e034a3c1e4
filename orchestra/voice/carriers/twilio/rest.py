"""Outbound calls over Twilio's REST API; what follows comes to the edge's webhooks.

Source: https://www.twilio.com/docs/voice/api/call-resource
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from aiohttp import ClientConnectorError, ClientError
from twilio.base.exceptions import TwilioException, TwilioRestException  # type: ignore[import-untyped]
from twilio.http.async_http_client import AsyncTwilioHttpClient  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from orchestra.errors import CallUncertainError, CarrierError
from orchestra.history.ending import Transfer
from orchestra.lines.dialled import split_extension
from orchestra.settings import Settings
from orchestra.voice.carriers.carrier_api import need
from orchestra.voice.carriers.phone_number import check_number
from orchestra.voice.carriers.public_url import PublicUrl
from orchestra.voice.carriers.twilio.twiml import (
    CALLER,
    MACHINE_PATH,
    PERSON_PATH,
    QUEUED,
    STATUS_PATH,
    VOICE_PATH,
    WHISPER_PATH,
    extension_keys,
)

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
    need(
        TWILIO_ACCOUNT_SID=settings.twilio_account_sid,
        TWILIO_AUTH_TOKEN=settings.twilio_auth_token.get_secret_value(),
        TWILIO_NUMBER=settings.twilio_number,
    )
    detection: dict[str, str] = {}
    if settings.machine_detection:
        detection["machine_detection"] = "DetectMessageEnd"
        if settings.machine_detection_async:
            answered = public.at(MACHINE_PATH, call=call)
            detection |= {"async_amd": "true", "async_amd_status_callback": answered}
    async with _client(settings, "take the call") as client:
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
    _LOG.info("call.placed", call=call, provider_call=placed.sid)
    return str(placed.sid)


async def call_person(
    settings: Settings, transfer: Transfer, call: str, public: PublicUrl, *, caller: str, stream: int
) -> str:
    """Have the person of a transfer rung, while the caller (Twilio's id of their call) waits in a queue.

    Returns:
        Twilio's id of the person's call.

    Raises:
        CallUncertainError: the carrier does not say whether it has taken the call.
        CarrierError: the carrier refuses.

    """
    number, _ = split_extension(transfer.target)
    over = public.at(PERSON_PATH, call=call, **({"stream": str(stream)} if stream else {}), **{CALLER: caller})
    async with _client(settings, "call the person") as client:
        person = await client.calls.create_async(
            to=number,
            from_=settings.twilio_number,
            url=public.at(WHISPER_PATH, call=call, **{QUEUED: "1"}),
            method="POST",
            status_callback=over,
            status_callback_method="POST",
            status_callback_event=["completed"],
            timeout=settings.ring_s,
            **extension_keys(transfer),
        )
    return str(person.sid)


async def hang_up(settings: Settings, provider_call: str) -> None:
    """End a call, also while it rings.

    Raises:
        CarrierError: the carrier refuses, as for a call that is over, or does not answer.

    """
    async with _client(settings, "end the call") as client:
        await client.calls(provider_call).update_async(status="completed")


async def redirect(settings: Settings, provider_call: str, url: str) -> None:
    """Have Twilio ask at this address what happens next in a call, whatever it does now.

    Raises:
        CarrierError: the carrier refuses, as for a call that is over, or does not answer.

    """
    async with _client(settings, "redirect the call") as client:
        await client.calls(provider_call).update_async(url=url, method="POST")


@asynccontextmanager
async def _client(settings: Settings, doing: str) -> AsyncIterator[Client]:
    """Twilio's client; ``doing`` is what the carrier does not do, in an error."""
    auth_token = settings.twilio_auth_token.get_secret_value()
    http = AsyncTwilioHttpClient(timeout=_ANSWER_WITHIN_S)
    try:
        client = Client(settings.twilio_account_sid, auth_token, http_client=http)
        client.api.base_url = settings.twilio_api_url
        yield client
    except (TwilioException, ClientError, TimeoutError) as error:
        msg = f"the carrier at {settings.twilio_api_url} did not {doing}: {error}"
        refused = isinstance(error, TwilioRestException) and error.status < _SERVER_ERROR
        if refused or isinstance(error, ClientConnectorError):
            raise CarrierError(msg) from error
        raise CallUncertainError(msg) from error
    finally:
        await http.close()
