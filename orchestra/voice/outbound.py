"""``POST /calls``: have the agents call somebody, for whoever has the API token."""

from typing import TYPE_CHECKING

import msgspec
import structlog
from fastapi import APIRouter, Request, Response

from orchestra.errors import RejectedError, SettingError
from orchestra.storage.api import TOKEN_NEEDED, has_token
from orchestra.voice.dialing import DialError, place_call
from orchestra.voice.webhooks import body_of

if TYPE_CHECKING:
    from orchestra.voice.edge import Edge

_LOG = structlog.get_logger()

_LONGEST_ORDER = 4096

router = APIRouter()


class _Order(msgspec.Struct, forbid_unknown_fields=True):
    """``{"to": "+15550001"}``."""

    to: str


@router.post("/calls")
async def dial(request: Request) -> Response:
    """Make a call. 201 with ``call`` and ``provider_call``; 401, 422, 503, and 502 where the carrier refuses."""
    edge: Edge = request.app.state.edge
    if not has_token(request.headers.get("Authorization", ""), edge.settings.api_token.get_secret_value()):
        return _answer(401, {"error": TOKEN_NEEDED})
    body = await body_of(request, _LONGEST_ORDER)
    if len(body) > _LONGEST_ORDER:
        return _answer(413, {"error": f"more than {_LONGEST_ORDER} bytes"})
    if edge.calls.draining:
        return _answer(503, {"error": "this edge takes no more calls"})
    call = edge.bus.new_call(edge.homes)
    try:
        order = msgspec.json.decode(body, type=_Order)
        sid = await place_call(edge.settings, call, order.to, edge.public)
    except (msgspec.DecodeError, RejectedError, SettingError) as error:
        return _answer(422, {"error": str(error)})
    except DialError as error:
        _LOG.warning("call.not_placed", call=call, reason=str(error))
        return _answer(502, {"error": str(error)})
    return _answer(201, {"call": call, "provider_call": sid})


def _answer(status: int, body: dict[str, str]) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")
