"""``POST /calls``: have the agents call a number. It needs a token of its own, and the settings limit the numbers."""

import time

import msgspec
import structlog
from fastapi import APIRouter, HTTPException, Request, Response

from orchestra.errors import CarrierError, RejectedError, SettingError
from orchestra.voice.carriers.phone_number import check_number
from orchestra.voice.carriers.request_body import read_body
from orchestra.voice.carriers.stream_token import LIFETIME_S
from orchestra.voice.edge.bearer_auth import has_token, peer_of
from orchestra.voice.edge.edge import Edge

_LOG = structlog.get_logger("orchestra.voice")

_LONGEST_BODY = 4096
_TOKEN_NEEDED = "a bearer token is needed: the one that is set as ORCHESTRA_DIAL_TOKEN"  # noqa: S105 - no token itself
_OTHER_TOKEN = "ORCHESTRA_API_TOKEN reads calls and makes none: set ORCHESTRA_DIAL_TOKEN, and send that"  # noqa: S105

router = APIRouter()


class _DialRequest(msgspec.Struct, forbid_unknown_fields=True):
    """``{"to": "+15550001"}``."""

    to: str


@router.post("/calls")
async def dial(request: Request) -> Response:
    """Place a call. 201 with ``call`` and ``provider_call``.

    401 without the token, 403 for a number that is not allowed, 413, 422, 429 above the rate, 503 without a free line,
    and 502 if the carrier refuses.
    """
    edge: Edge = request.app.state.edge
    try:
        await _admit(edge, request)
        body = await read_body(request, _LONGEST_BODY)
        if len(body) > _LONGEST_BODY:
            return _respond(413, {"error": f"more than {_LONGEST_BODY} bytes"})
        to_number = msgspec.json.decode(body, type=_DialRequest).to
        check_number(to_number)
    except (msgspec.DecodeError, UnicodeDecodeError, RejectedError) as error:
        return _respond(422, {"error": str(error)})
    except HTTPException as refused:
        return _respond(refused.status_code, {"error": refused.detail})
    call = edge.bus.new_call(edge.homes)
    if (refusal := _refusal(edge, call, to_number)) is not None:
        status, reason = refusal
        _LOG.warning("call.not_allowed", to=to_number, status=status, peer=peer_of(request))
        return _respond(status, {"error": reason})
    try:
        sid = await edge.carriers[0].place_call(call, to_number)
    except (SettingError, CarrierError) as error:
        edge.admission.release(call)
        _LOG.warning("call.not_placed", call=call, reason=str(error))
        return _respond(422 if isinstance(error, SettingError) else 502, {"error": str(error)})
    return _respond(201, {"call": call, "provider_call": sid})


async def _admit(edge: Edge, request: Request) -> None:
    given, settings = request.headers.get("Authorization", ""), edge.settings
    if has_token(given, settings.dial_token.get_secret_value()):
        return
    reads = has_token(given, settings.api_token.get_secret_value())
    await edge.throttle.refuse(request, 401, _OTHER_TOKEN if reads else _TOKEN_NEEDED)


def _refusal(edge: Edge, call: str, to_number: str) -> tuple[int, str] | None:
    """Why this number is not called now; None once a line is reserved, for as long as it rings."""
    settings, now = edge.settings, time.time()
    allowed = tuple(filter(None, (prefix.strip() for prefix in settings.dial_prefixes.split(","))))
    if not to_number.startswith(allowed):
        begin = f"only numbers that begin with {', '.join(allowed)} are called" if allowed else "no number is called"
        return 403, f"{begin} over HTTP: ORCHESTRA_DIAL_PREFIXES says which"
    if edge.admission.draining:
        return 503, "this edge takes no more calls"
    if edge.admission.is_full(now):
        return 503, f"all {edge.admission.limit} lines of this edge are taken"
    if not edge.dial_rate.allows(1):
        return 429, f"more than {settings.dial_per_minute} calls a minute (ORCHESTRA_DIAL_PER_MINUTE)"
    edge.admission.admit(call, now, settings.ring_s + LIFETIME_S)
    return None


def _respond(status: int, body: dict[str, str]) -> Response:
    headers = {"Retry-After": "6"} if status in (429, 503) else {}
    return Response(msgspec.json.encode(body), status, headers, media_type="application/json")
