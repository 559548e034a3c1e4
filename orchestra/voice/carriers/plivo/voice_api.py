"""Plivo's voice API: outbound calls, and the account's numbers. What follows comes to the edge's webhooks.

Sources: https://www.plivo.com/docs/voice/api/call/make-a-call, https://www.plivo.com/docs/numbers/api/account-phone-number
"""

from typing import Any

import msgspec
import structlog

from orchestra.errors import CallUncertainError, CarrierError
from orchestra.settings import Settings
from orchestra.voice.carriers.carrier_api import ask, need
from orchestra.voice.carriers.phone_number import check_number
from orchestra.voice.carriers.plivo.documents import ANSWER_PATH, HANGUP_PATH, MACHINE_PATH
from orchestra.voice.carriers.public_url import PublicUrl

_LOG = structlog.get_logger("orchestra.voice")


class _Placed(msgspec.Struct):
    request_uuid: str


class _Number(msgspec.Struct):
    number: str


class _Numbers(msgspec.Struct):
    objects: list[_Number]


async def numbers_of(settings: Settings) -> tuple[str, ...]:
    """Those of the account's numbers that begin as ours does, E.164.

    Raises:
        CarrierError: Plivo refuses the credentials, or does not answer.

    """
    account, auth_token = settings.plivo_auth_id, settings.plivo_auth_token.get_secret_value()
    path = f"/v1/Account/{account}/Number/"
    begins = {"number_startswith": settings.plivo_number.removeprefix("+")}
    answer = await ask(settings.plivo_api_url, "GET", path, params=begins, auth=(account, auth_token))
    try:
        found = msgspec.json.decode(answer.content, type=_Numbers).objects
    except msgspec.DecodeError as error:
        msg = f"the carrier at {settings.plivo_api_url} does not list its numbers: {error}"
        raise CarrierError(msg) from None
    return tuple(f"+{each.number.removeprefix('+')}" for each in found)


async def place_call(settings: Settings, call: str, to_number: str, public: PublicUrl, *, from_number: str = "") -> str:
    """Have Plivo ring ``to_number`` (E.164); once it is answered, an edge has it as ``call``.

    Returns:
        Plivo's id of the request, which it also names in the webhooks of the call.

    Raises:
        RejectedError: that is not a telephone number.
        SettingError: the account or our own number is not set.
        CarrierError: Plivo refuses, or does not answer.

    """
    check_number(to_number)
    account, auth_token = settings.plivo_auth_id, settings.plivo_auth_token.get_secret_value()
    need(PLIVO_AUTH_ID=account, PLIVO_AUTH_TOKEN=auth_token, PLIVO_NUMBER=settings.plivo_number)
    order = _order(settings, call, (from_number or settings.plivo_number, to_number), public)
    answer = await ask(
        settings.plivo_api_url, "POST", f"/v1/Account/{account}/Call/", json=order, auth=(account, auth_token)
    )
    try:
        placed = msgspec.json.decode(answer.content, type=_Placed).request_uuid
    except msgspec.DecodeError:
        placed = ""
    if not placed:
        msg = f"the carrier at {settings.plivo_api_url} took the call, but its answer names none"
        raise CallUncertainError(msg)
    _LOG.info("call.placed", call=call, provider_call=placed)
    return placed


def _order(settings: Settings, call: str, numbers: tuple[str, str], public: PublicUrl) -> dict[str, Any]:
    from_number, to_number = numbers
    answer_url = public.at(ANSWER_PATH, call=call)
    order: dict[str, Any] = {
        "from": from_number.removeprefix("+"),
        "to": to_number.removeprefix("+"),
        "answer_url": answer_url,
        "answer_method": "POST",
        # any edge at the address may answer
        "fallback_url": answer_url,
        "fallback_method": "POST",
        "hangup_url": public.at(HANGUP_PATH, call=call),
        "hangup_method": "POST",
        "ring_timeout": settings.ring_s,
    }
    if settings.machine_detection:
        order["machine_detection"] = "true"
        if settings.machine_detection_async:
            order["machine_detection_url"] = public.at(MACHINE_PATH, call=call)
            order["machine_detection_method"] = "POST"
    return order
