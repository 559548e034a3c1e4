"""The calls over HTTP: ``GET /calls``, ``/calls/{id}`` and ``/calls/{id}/recording``, with the API token."""

from typing import Annotated, Any

import msgspec
import structlog
from fastapi import APIRouter, Header, HTTPException, Query, Request, Response

from orchestra.bus import Bus
from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import RejectedError
from orchestra.history.call_record import CallRecord
from orchestra.history.reduce import history_of
from orchestra.history.views.dialogue import dialogue
from orchestra.recordings.signed_links import Links
from orchestra.recordings.store import find_recording
from orchestra.recordings.wav_response import wav_response
from orchestra.settings import Settings
from orchestra.storage.call_records import find_call, list_calls
from orchestra.storage.secrets import link_key
from orchestra.voice.edge.placed_calls import find_placed, state_of
from orchestra.web_server.bearer_auth import RefusalThrottle, has_token, peer_of

_LOG = structlog.get_logger("orchestra.voice")

#: the signature or the token says who may read a recording, not the page it is played on
_FOR_OTHER_PAGES = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Accept-Ranges, Content-Length, Content-Range",
}
_MOST_CALLS = 500

#: the answer to a request without the token
TOKEN_NEEDED = "a bearer token is needed: the one that is set as ORCHESTRA_API_TOKEN"  # noqa: S105 - no token itself


class _Api:
    """What the three routes share."""

    def __init__(self, settings: Settings, bus: Bus) -> None:
        self.bus = bus
        self.token = settings.api_token.get_secret_value()
        self.dial_token = settings.dial_token.get_secret_value()
        self.links = Links(link_key(settings))
        self.throttle = RefusalThrottle()

    async def admit(self, request: Request, action: str, call: str = "", signed: tuple[str, str] | None = None) -> None:
        """Refuse a request without the API token, or, if ``signed``, without a good link; log who looks at what.

        Raises:
            HTTPException: 401, 403, 429.

        """
        by = "link" if signed is not None else "token"
        try:
            if signed is not None:
                self.links.check(call, *signed, SYSTEM_CLOCK.time())
            elif not has_token(request.headers.get("Authorization", ""), self.token):
                await self.throttle.refuse(request, 401, TOKEN_NEEDED)
        except RejectedError as error:
            await self.throttle.refuse(request, 403, str(error))
        _LOG.info(action, call=call[:64], by=by, peer=peer_of(request))

    async def record(self, call: str) -> CallRecord:
        """The call's record.

        Raises:
            HTTPException: 404, there is none.

        """
        record = await find_call(self.bus, call)
        if record is None:
            raise HTTPException(404, "no such call, or it is no longer kept")
        return record


def calls_router(settings: Settings, bus: Bus) -> APIRouter:
    """The routes of this API."""
    api, router = _Api(settings, bus), APIRouter()

    @router.get("/calls")
    async def calls(
        request: Request, limit: Annotated[int, Query(ge=1, le=_MOST_CALLS)] = 50, before: str = ""
    ) -> Response:
        await api.admit(request, "calls.listed")
        return _json({"calls": await list_calls(api.bus, limit=limit, before=before)})

    @router.get("/calls/{key}")
    async def one_call(request: Request, key: str) -> Response:
        """The record and the turns of a call, with ``state`` and ``outcome`` if it was placed, also without a record.

        The dial token gives the state alone, by the id of the call or the idempotency key of the request.
        """
        given = request.headers.get("Authorization", "")
        reads = has_token(given, api.token) or not has_token(given, api.dial_token)  # one token may be both
        if reads:
            await api.admit(request, "call.read", key)
        record = await find_call(api.bus, key) if reads else None
        if record is not None:
            turns = dialogue(history_of(await api.bus.journal(key))).turns
            placed = dict(zip(("state", "outcome"), state_of(record), strict=True))
            return _json({"call": record, "turns": turns} | (placed if record.direction == "outbound" else {}))
        asked = await find_placed(api.bus, settings, key, SYSTEM_CLOCK.time())
        if asked is None:
            raise HTTPException(404, "no such call, or it is no longer kept")
        return _json(asked)

    @router.get("/calls/{call}/recording")
    async def recording(
        request: Request,
        call: str,
        range_: Annotated[str, Header(alias="range")] = "",
        expires: str = "",
        signature: str = "",
    ) -> Response:
        """The WAV file, or a range of it, for a signed link or the API token."""
        await api.admit(request, "recording.read", call, (expires, signature) if signature else None)
        record = await api.record(call)
        if not record.recording:
            raise HTTPException(404, "the call has no recording, or it is not complete yet")
        try:
            stored = find_recording(settings, record.recording)
        except RejectedError as error:
            _LOG.warning("recording.refused", call=call, reason=str(error))
            raise HTTPException(404, "the recording is in no place that this edge serves recordings from") from None
        return await wav_response(stored, call, range_, _FOR_OTHER_PAGES)

    return router


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
