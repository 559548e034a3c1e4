"""``POST /calls``: have the agents call a number. It needs a token of its own, and the settings limit the numbers."""

import msgspec
import structlog
from fastapi import APIRouter, HTTPException, Request, Response
from redis.exceptions import RedisError

from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import DialRefusedError, RejectedError
from orchestra.lines.dialled import E164
from orchestra.voice.carriers.sip.addresses import parse_address
from orchestra.voice.carriers.sip.carrier import SipCarrier
from orchestra.voice.carriers.stream_token import LIFETIME_S
from orchestra.voice.edge.dialler import CallRequest, Dialler, Reason
from orchestra.voice.edge.edge import Edge
from orchestra.web_server.bearer_auth import has_token, peer_of
from orchestra.web_server.request_body import read_body

_LOG = structlog.get_logger("orchestra.voice")

_LONGEST_BODY = 65_536
_TOKEN_NEEDED = "a bearer token is needed: the one that is set as ORCHESTRA_DIAL_TOKEN"  # noqa: S105 - no token itself
_OTHER_TOKEN = "ORCHESTRA_API_TOKEN reads calls and makes none: set ORCHESTRA_DIAL_TOKEN, and send that"  # noqa: S105

router = APIRouter()


_STATUS = {
    Reason.NUMBER_INVALID: 422,
    Reason.NUMBER_NOT_ALLOWED: 403,
    Reason.LINE_UNKNOWN: 422,
    Reason.ZONE_NEEDED: 422,
    Reason.OUTSIDE_HOURS: 403,
    Reason.SETTING_MISSING: 422,
    Reason.KEY_REUSED: 422,
    Reason.IN_PROGRESS: 409,
    Reason.CARRIER_REFUSED: 502,
    Reason.CARRIER_UNCERTAIN: 502,
    Reason.EDGE_FULL: 503,
    Reason.EDGE_DRAINING: 503,
    Reason.RATE: 429,
}


@router.post("/calls")
async def dial(request: Request) -> Response:
    """Place a call: the body is a `CallRequest`. 201 with ``call`` and ``provider_call``.

    The idempotency key may stand in the header ``Idempotency-Key`` as well. A call that is not placed has an ``error``
    for people and a ``reason`` for programs, with 401, 403, 409, 413, 422, 429, 502 or 503. 409 and 422 for a key that
    is in use are as in draft-ietf-httpapi-idempotency-key-header-07, 2.7.
    """
    edge: Edge = request.app.state.edge
    try:
        await _admit(edge, request)
        body = await read_body(request, _LONGEST_BODY)
        if len(body) > _LONGEST_BODY:
            return _respond(413, {"error": f"more than {_LONGEST_BODY} bytes", "reason": "too_long"})
        asked = _with_key(msgspec.json.decode(body, type=CallRequest), request.headers.get("Idempotency-Key", ""))
    except (msgspec.DecodeError, UnicodeDecodeError, RejectedError) as error:
        return _respond(422, {"error": str(error), "reason": "malformed"})
    except HTTPException as refused:
        return _respond(refused.status_code, {"error": refused.detail, "reason": "unauthorized"})
    dialler = Dialler(
        edge.settings,
        edge.bus,
        edge.carriers[0],
        edge.answering.plan,
        lambda: edge.bus.new_call(edge.homes.partitions),
        sip=next((carrier for carrier in edge.carriers if isinstance(carrier, SipCarrier)), None),
    )
    try:
        _check_prefix(edge, asked)
        placed = await dialler.place(asked, lambda call: _reserve(edge, call), edge.admission.release)
    except DialRefusedError as refused:
        status = _STATUS[Reason(refused.reason)]
        _LOG.warning("call.not_allowed", to=asked.to[:32], status=status, reason=refused.reason, peer=peer_of(request))
        answer = {"error": str(refused), "reason": refused.reason} | ({"call": refused.call} if refused.call else {})
        return _respond(status, answer)
    except RedisError as error:
        _LOG.warning("call.not_placed", error=repr(error))
        return _respond(503, {"error": "the server does not answer: no call was placed", "reason": "server_away"})
    return _respond(201, {"call": placed.call, "provider_call": placed.provider_call})


def _with_key(asked: CallRequest, header: str) -> CallRequest:
    key = header.strip().strip('"')
    if not key:
        return asked
    if asked.idempotency_key not in ("", key):
        msg = "the idempotency key of the header is not that of the body"
        raise RejectedError(msg)
    return msgspec.convert({**msgspec.to_builtins(asked), "idempotency_key": key}, CallRequest)


async def _admit(edge: Edge, request: Request) -> None:
    given, settings = request.headers.get("Authorization", ""), edge.settings
    if has_token(given, settings.dial_token.get_secret_value()):
        return
    reads = has_token(given, settings.api_token.get_secret_value())
    await edge.throttle.refuse(request, 401, _OTHER_TOKEN if reads else _TOKEN_NEEDED)


def _check_prefix(edge: Edge, asked: CallRequest) -> None:
    listed = [each.strip() for each in edge.settings.dial_prefixes.split(",") if each.strip()]
    prefixes = tuple(each for each in listed if each.startswith("+"))
    if asked.to.startswith(("sip:", "sips:")):
        try:
            allowed = f"@{parse_address(asked.to).host}".lower() in (each.lower() for each in listed)
        except RejectedError:
            return  # it is refused as no address
    else:
        allowed = not E164.fullmatch(asked.to) or asked.to.startswith(prefixes)
    if not allowed:
        begin = f"only {', '.join(listed)} are called" if listed else "nobody is called"
        raise DialRefusedError(Reason.NUMBER_NOT_ALLOWED, f"{begin} over HTTP: ORCHESTRA_DIAL_PREFIXES says which")


def _reserve(edge: Edge, call: str) -> None:
    """Reserve a place for as long as it rings."""
    settings, now = edge.settings, SYSTEM_CLOCK.time()
    if edge.admission.draining:
        raise DialRefusedError(Reason.EDGE_DRAINING, "this edge takes no more calls")
    if edge.admission.is_full(now):
        raise DialRefusedError(Reason.EDGE_FULL, f"all {edge.admission.limit} lines of this edge are taken")
    if not edge.dial_rate.allows(1):
        raise DialRefusedError(
            Reason.RATE, f"more than {settings.dial_per_minute} calls a minute (ORCHESTRA_DIAL_PER_MINUTE)"
        )
    edge.admission.admit(call, now, settings.ring_s + LIFETIME_S)


def _respond(status: int, body: dict[str, str]) -> Response:
    headers = {"Retry-After": "6"} if status in (409, 429, 503) else {}
    return Response(msgspec.json.encode(body), status, headers, media_type="application/json")
