"""Outbound calls over Plivo's voice API; what follows comes to the edge's webhooks.

Source: https://www.plivo.com/docs/voice/api/call/make-a-call
"""

from typing import Any

import httpx
import structlog

from orchestra.errors import CarrierError, SettingError
from orchestra.settings import Settings
from orchestra.voice.carriers.phone_number import check_number
from orchestra.voice.carriers.plivo.documents import ANSWER_PATH, HANGUP_PATH, MACHINE_PATH, PublicUrl

_LOG = structlog.get_logger("orchestra.voice")

_ANSWER_WITHIN_S = 15.0


async def place_call(settings: Settings, call: str, to_number: str, public: PublicUrl) -> str:
    """Have Plivo ring ``to_number`` (E.164); once it is answered, an edge has it as ``call``.

    Returns:
        Plivo's id of the request, which it also names in the webhooks of the call.

    Raises:
        RejectedError: that is not a telephone number.
        SettingError: the account or our own number is not set.
        CarrierError: Plivo refuses, or does not answer.

    """
    check_number(to_number)
    auth_id, auth_token = settings.plivo_auth_id, settings.plivo_auth_token.get_secret_value()
    for name, value in (
        ("PLIVO_AUTH_ID", auth_id),
        ("PLIVO_AUTH_TOKEN", auth_token),
        ("PLIVO_NUMBER", settings.plivo_number),
    ):
        if not value:
            msg = f"ORCHESTRA_{name} is not set: without it no call can be made"
            raise SettingError(msg)
    api = settings.plivo_api_url.rstrip("/")
    try:
        async with httpx.AsyncClient(timeout=_ANSWER_WITHIN_S) as http:
            answer = await http.post(
                f"{api}/v1/Account/{auth_id}/Call/",
                json=_order(settings, call, to_number, public),
                auth=(auth_id, auth_token),
            )
            answer.raise_for_status()
            placed = answer.json()["request_uuid"]
    except httpx.HTTPStatusError as error:
        msg = f"the carrier at {api} did not take the call: {error.response.status_code} {error.response.text[:200]}"
        raise CarrierError(msg) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        msg = f"the carrier at {api} did not take the call: {error!r}"
        raise CarrierError(msg) from error
    except (ValueError, KeyError, TypeError) as error:
        msg = f"the carrier at {api} did not take the call: its answer names no call"
        raise CarrierError(msg) from error
    if not isinstance(placed, str) or not placed:
        msg = f"the carrier at {api} did not take the call: its answer names no call"
        raise CarrierError(msg)
    _LOG.info("call.placed", call=call, provider_call=placed)
    return placed


def _order(settings: Settings, call: str, to_number: str, public: PublicUrl) -> dict[str, Any]:
    answer_url = public.at(ANSWER_PATH, call=call)
    order: dict[str, Any] = {
        "from": settings.plivo_number.removeprefix("+"),
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
