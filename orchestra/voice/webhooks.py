"""Twilio's webhooks as the edge answers them. Any edge can answer any of them: what it needs stands on the journal."""

import asyncio
import time
from typing import TYPE_CHECKING

import structlog
from fastapi import APIRouter, Request, Response
from redis.exceptions import RedisError

from orchestra.errors import RejectedError
from orchestra.voice import twilio
from orchestra.voice.call import Parties
from orchestra.voice.closing import close_call
from orchestra.voice.standing import Standing, standing
from orchestra.voice.turns import HangUp, Transfer
from schemas import CallTransferred, Event, TransferAccepted, TransferFailed
from schemas.calls import EndReason

if TYPE_CHECKING:
    from orchestra.voice.edge import Edge

_LOG = structlog.get_logger()

_JOURNAL_WITHIN_S = 3.0
_FLUSH_WITHIN_S = 2.0
#: an edge that dies of a call would die of it again
_MOST_RESUMES = 10

router = APIRouter()


@router.post(twilio.VOICE_PATH)
async def voice(request: Request) -> Response:
    """A call comes in, or one that we have made was answered."""
    edge: Edge = request.app.state.edge
    form = await _signed_form(request, edge)
    if form is None:
        return Response(status_code=403)
    outbound = request.query_params.get("call", "")
    parties = _parties(outbound or edge.bus.new_call(edge.homes), form, outbound=bool(outbound))
    parameters: dict[str, str] = {}
    if outbound:
        answered = twilio.answered_by(outbound, form)
        edge.publisher.publish(answered)
        parameters["answered_by"] = answered.by
        if answered.by == "fax" or (answered.by == "machine" and not edge.script.voicemail):
            return _twiml(twilio.ending_twiml(HangUp()))
    if not edge.calls.admit(parties.call, time.time()):
        _LOG.warning("call.busy", calls=len(edge.calls), draining=edge.calls.draining)
        return _twiml(twilio.busy_twiml(edge.settings.busy_message))
    return _connect(edge, parties, **parameters)


@router.post(twilio.AFTER_STREAM_PATH)
async def after_stream(request: Request) -> Response:
    """The stream of a call has ended, in whichever way."""
    edge: Edge = request.app.state.edge
    form = await _signed_form(request, edge)
    if form is None:
        return Response(status_code=403)
    call = request.query_params.get("call", "")
    stands = await _standing(edge, call)
    gone = twilio.FINAL.get(form.get("CallStatus", ""))
    if stands is not None and gone is not None and not stands.ended and edge.calls.find(call) is None:
        edge.lost.wait_for(call, gone)
    if stands is None or gone is not None:
        return _twiml(twilio.ending_twiml(HangUp()))
    step = twilio.next_step(stands)
    if isinstance(step, Transfer):
        if not stands.transferred:  # the edge was lost before it could say so
            await _publish(edge, CallTransferred(call=call, turn=stands.turn, target=step.target))
        return _twiml(twilio.dial_twiml(step, call, edge.public, ring_s=edge.settings.ring_s))
    if isinstance(step, HangUp) or stands.resumed >= _MOST_RESUMES:
        return _twiml(twilio.ending_twiml(HangUp()))
    return _reconnect(edge, call, form, stands)


@router.post(twilio.WHISPER_PATH)
async def whisper(request: Request) -> Response:
    """The person of a transfer has answered: they are told what it is about, and asked to take the call."""
    edge: Edge = request.app.state.edge
    if await _signed_form(request, edge) is None:
        return Response(status_code=403)
    call = request.query_params.get("call", "")
    stands = await _standing(edge, call)
    ending = None if stands is None or stands.ended else stands.ending
    if not isinstance(ending, Transfer):
        return _twiml(twilio.ending_twiml(HangUp()))
    return _twiml(twilio.whisper_twiml(ending, call, edge.public, app=edge.script.app))


@router.post(twilio.ACCEPT_PATH)
async def accept(request: Request) -> Response:
    """The person has pressed a key."""
    edge: Edge = request.app.state.edge
    form = await _signed_form(request, edge)
    if form is None:
        return Response(status_code=403)
    call = request.query_params.get("call", "")
    stands = await _standing(edge, call)
    ending = None if stands is None or stands.ended else stands.ending
    if stands is None or not isinstance(ending, Transfer) or form.get("Digits") != twilio.ACCEPT_KEY:
        return _twiml(twilio.ending_twiml(HangUp()))
    await _publish(edge, TransferAccepted(call=call, turn=stands.turn, target=ending.target))
    return _twiml(twilio.bridge_twiml())


@router.post(twilio.AFTER_DIAL_PATH)
async def after_dial(request: Request) -> Response:
    """The transfer is over: the person has hung up, or did not take the call; then the agents have it again."""
    edge: Edge = request.app.state.edge
    form = await _signed_form(request, edge)
    if form is None:
        return Response(status_code=403)
    call = request.query_params.get("call", "")
    stands = await _standing(edge, call)
    if stands is None or stands.ended:
        return _twiml(twilio.ending_twiml(HangUp()))
    gone = form.get("CallStatus") in twilio.FINAL
    if stands.accepted or gone:
        await _close(edge, call, "transferred" if stands.accepted else "caller_hung_up")
        return _twiml(twilio.ending_twiml(HangUp()))
    target = stands.ending.target if isinstance(stands.ending, Transfer) else ""
    reason = form.get("DialCallStatus", "")
    await _publish(edge, TransferFailed(call=call, turn=stands.turn, target=target, reason=reason))
    return _reconnect(edge, call, form, stands)


@router.post(twilio.STATUS_PATH)
async def status(request: Request) -> Response:
    """The carrier says how a call goes; what has ended without a word of its stream is closed here."""
    edge: Edge = request.app.state.edge
    form = await _signed_form(request, edge)
    if form is None:
        return Response(status_code=403)
    reason = twilio.FINAL.get(form.get("CallStatus", ""))
    call = request.query_params.get("call", "")
    if reason is not None and call and edge.calls.find(call) is None:
        # its edge may be about to say the same: it has a moment
        edge.lost.wait_for(call, reason)
    return Response(status_code=204)


def _parties(call: str, form: dict[str, str], *, outbound: bool) -> Parties:
    return Parties(
        call=call,
        provider_call=form.get("CallSid", ""),
        from_number=form.get("From", ""),
        to_number=form.get("To", ""),
        direction="outbound" if outbound else "inbound",
    )


def _connect(edge: "Edge", parties: Parties, **parameters: str) -> Response:
    token = edge.tokens.issue(parties.call, parties.provider_call, time.time())
    return _twiml(twilio.connect_twiml(parties, token, edge.public, **parameters))


def _reconnect(edge: "Edge", call: str, form: dict[str, str], stands: Standing) -> Response:
    _LOG.info("call.comes_back", call=call, resumed=stands.resumed)
    edge.calls.expect(call, time.time())
    outbound = form.get("Direction", "").startswith("outbound")
    return _connect(edge, _parties(call, form, outbound=outbound), resumed="1")


async def _standing(edge: "Edge", call: str) -> Standing | None:
    """Where the call stands; None where nobody knows such a call, or the journal cannot be read."""
    try:
        async with asyncio.timeout(_JOURNAL_WITHIN_S):
            journal = await edge.bus.journal(call)
    except (TimeoutError, RedisError, ValueError) as error:
        _LOG.warning("call.journal_unreadable", call=call[:64], error=repr(error))
        return None
    return standing(journal) if journal else None


async def _publish(edge: "Edge", event: Event) -> None:
    """Publish it, and see it on the journal: the carrier's next question is answered from there."""
    edge.publisher.publish(event)
    try:
        await edge.publisher.flush(_FLUSH_WITHIN_S)
    except TimeoutError:
        _LOG.warning("call.journal_late", call=event.call, buffered=edge.publisher.buffered)


async def _close(edge: "Edge", call: str, reason: EndReason) -> None:
    try:
        await close_call(edge.bus, edge.publisher, call, reason)
    except (TimeoutError, RedisError) as error:
        _LOG.warning("call.not_closed", call=call, error=repr(error))


async def _signed_form(request: Request, edge: "Edge") -> dict[str, str] | None:
    url = edge.public.at(request.url.path) + (f"?{request.url.query}" if request.url.query else "")
    try:
        body = await body_of(request, twilio.LONGEST_FORM)
        auth_token = edge.settings.twilio_auth_token.get_secret_value()
        return twilio.signed_form(body, url, request.headers.get("X-Twilio-Signature", ""), auth_token)
    except RejectedError as error:
        _LOG.warning("webhook.refused", path=request.url.path, reason=str(error))
        return None


async def body_of(request: Request, longest: int) -> bytes:
    """The body, read no further than a little beyond ``longest`` bytes: enough to be refused."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > longest:
            break
    return body


def _twiml(document: str) -> Response:
    return Response(document, media_type="application/xml")
