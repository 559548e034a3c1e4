"""Twilio's webhooks as the edge answers them. Any edge can answer any of them: what it needs stands on the journal."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from redis.exceptions import RedisError

from orchestra.errors import OrchestraError, RejectedError
from orchestra.voice import twilio
from orchestra.voice.actions import HangUp, Transfer
from orchestra.voice.call import Parties
from orchestra.voice.closing import close_call
from orchestra.voice.standing import Standing, standing
from schemas import CallTransferred, Event, TransferAccepted, TransferFailed
from schemas.calls import EndReason

if TYPE_CHECKING:
    from orchestra.voice.edge import Edge

_LOG = structlog.get_logger()

_JOURNAL_WITHIN_S = 3.0
_FLUSH_WITHIN_S = 2.0
#: an edge that dies of a call would die of it again
_MOST_RESUMES = 10
#: times that the carrier is asked to ask again while no journal can be read: a minute to two and a half
_MOST_TRIES = 30
#: every so many times, 8 to 20 seconds, the caller is told that it takes a moment
_TOLD_EVERY = 4

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Webhook:
    """A request of the carrier's, its signature checked.

    Attributes:
        edge: who answers it.
        form: what the carrier says.
        query: what we wrote into the address when we gave it to the carrier.

    """

    edge: "Edge"
    form: dict[str, str]
    query: Mapping[str, str]

    @property
    def call(self) -> str:
        """The call's id, empty where the carrier has none of us yet."""
        return self.query.get("call", "")

    @property
    def gone(self) -> EndReason | None:
        """Why the call is over, if the carrier says that it is."""
        return twilio.FINAL.get(self.form.get("CallStatus", ""))

    async def standing(self) -> Standing | None:
        """Where the call stands; None where nobody knows such a call.

        Raises:
            JournalAwayError: its journal cannot be read now.

        """
        try:
            async with asyncio.timeout(_JOURNAL_WITHIN_S):
                journal = await self.edge.bus.journal(self.call)
        except ValueError:
            return None  # an id that is none of ours
        except (TimeoutError, RedisError) as error:
            _LOG.warning("call.journal_unreadable", call=self.call[:64], error=repr(error))
            raise JournalAwayError from error
        return standing(journal) if journal else None


class JournalAwayError(OrchestraError):
    """Nobody knows where the call stands, for the moment."""


async def webhook(request: Request) -> Webhook:
    """Check the signature.

    Raises:
        HTTPException: it is not the carrier's (403).

    """
    edge: Edge = request.app.state.edge
    url = edge.public.at(request.url.path) + (f"?{request.url.query}" if request.url.query else "")
    try:
        body = await body_of(request, twilio.LONGEST_FORM)
        auth_token = edge.settings.twilio_auth_token.get_secret_value()
        form = twilio.signed_form(body, url, request.headers.get("X-Twilio-Signature", ""), auth_token)
    except RejectedError as error:
        _LOG.warning("webhook.refused", path=request.url.path, reason=str(error))
        raise HTTPException(403) from None
    return Webhook(edge, form, request.query_params)


Asked = Annotated[Webhook, Depends(webhook)]


@router.post(twilio.VOICE_PATH)
async def voice(asked: Asked) -> Response:
    """A call comes in, or one that we have made was answered."""
    edge, outbound = asked.edge, asked.call
    parties = _parties(outbound or edge.bus.new_call(edge.homes), asked.form, outbound=bool(outbound))
    parameters: dict[str, str] = {}
    told_later = edge.settings.machine_detection and edge.settings.machine_detection_async
    if outbound and ("AnsweredBy" in asked.form or not told_later):
        answered = twilio.answered_by(outbound, asked.form)
        edge.publisher.publish(answered)
        parameters["answered_by"] = answered.by
        if answered.by == "fax" or (answered.by == "machine" and not edge.script.voicemail):
            return _twiml(twilio.ending_twiml(HangUp()))
    if not edge.calls.admit(parties.call, time.time()):
        _LOG.warning("call.busy", calls=len(edge.calls), draining=edge.calls.draining)
        return _twiml(twilio.busy_twiml(edge.settings.busy_message))
    edge.incoming.note(parties)
    return _connect(edge, parties, **parameters)


@router.post(twilio.AFTER_STREAM_PATH)
async def after_stream(asked: Asked) -> Response:
    """The stream of a call has ended, in whichever way."""
    try:
        return await _next_step(asked)
    finally:
        asked.edge.calls.asked(asked.call)


async def _next_step(asked: Webhook) -> Response:
    edge, call = asked.edge, asked.call
    try:
        stands = await asked.standing()
    except JournalAwayError:
        return _again(asked)
    if stands is not None and asked.gone is not None and not stands.ended and edge.calls.find(call) is None:
        edge.lost.wait_for(call, asked.gone)
    if stands is None or asked.gone is not None:
        return _twiml(twilio.ending_twiml(HangUp()))
    step = twilio.next_step(stands)
    if isinstance(step, Transfer):
        if not stands.transferred:  # the edge was lost before it could say so
            await _publish(edge, CallTransferred(call=call, turn=stands.turn, target=step.target))
        return _twiml(twilio.dial_twiml(step, call, edge.public, ring_s=edge.settings.ring_s))
    if isinstance(step, HangUp) or stands.resumed >= _MOST_RESUMES:
        return _twiml(twilio.ending_twiml(HangUp()))
    return _reconnect(edge, call, asked.form, stands)


@router.post(twilio.WHISPER_PATH)
async def whisper(asked: Asked) -> Response:
    """The person of a transfer has answered: they are told what it is about, and asked to take the call."""
    _, transfer = await _transfer(asked)
    if transfer is None:
        return _twiml(twilio.ending_twiml(HangUp()))
    return _twiml(twilio.whisper_twiml(transfer, asked.call, asked.edge.public, app=asked.edge.script.app))


@router.post(twilio.ACCEPT_PATH)
async def accept(asked: Asked) -> Response:
    """The person has pressed a key."""
    turn, transfer = await _transfer(asked)
    if transfer is None or asked.form.get("Digits") != twilio.ACCEPT_KEY:
        return _twiml(twilio.ending_twiml(HangUp()))
    await _publish(asked.edge, TransferAccepted(call=asked.call, turn=turn, target=transfer.target))
    return _twiml(twilio.bridge_twiml())


async def _transfer(asked: Webhook) -> tuple[int, Transfer | None]:
    """The turn and the transfer that the call waits for; None where there is none, or nobody knows."""
    try:
        stands = await asked.standing()
    except JournalAwayError:
        return 0, None
    if stands is None or stands.ended or not isinstance(stands.ending, Transfer):
        return 0, None
    return stands.turn, stands.ending


@router.post(twilio.AFTER_DIAL_PATH)
async def after_dial(asked: Asked) -> Response:
    """The transfer is over: the person has hung up, or did not take the call; then the agents have it again."""
    edge, call = asked.edge, asked.call
    try:
        stands = await asked.standing()
    except JournalAwayError:
        return _again(asked)
    if stands is None or stands.ended:
        return _twiml(twilio.ending_twiml(HangUp()))
    if stands.accepted or asked.gone:
        await _close(edge, call, "transferred" if stands.accepted else "caller_hung_up")
        return _twiml(twilio.ending_twiml(HangUp()))
    target = stands.ending.target if isinstance(stands.ending, Transfer) else ""
    reason = asked.form.get("DialCallStatus", "") or asked.query.get("DialCallStatus", "")
    await _publish(edge, TransferFailed(call=call, turn=stands.turn, target=target, reason=reason))
    return _reconnect(edge, call, asked.form, stands)


@router.post(twilio.MACHINE_PATH)
async def machine(asked: Asked) -> Response:
    """The carrier has found out, while the call goes on, who answered it; the edge that has the call reads it."""
    if asked.call and asked.form.get("AnsweredBy"):
        await _publish(asked.edge, twilio.answered_by(asked.call, asked.form))
    return Response(status_code=204)


@router.post(twilio.STATUS_PATH)
async def status(asked: Asked) -> Response:
    """The carrier says how a call goes; what has ended without a word of its stream is closed here."""
    edge = asked.edge
    call = asked.call or await edge.incoming.find(asked.form.get("CallSid", ""))
    if asked.gone is not None and call and edge.calls.find(call) is None:
        # its edge may be about to say the same: it has a moment
        edge.lost.wait_for(call, asked.gone)
    return Response(status_code=204)


def _again(asked: Webhook) -> Response:
    """Ask the carrier to ask again in a moment: the caller waits, the call is not lost for it."""
    tries = int(asked.query.get("tries", "0")) if asked.query.get("tries", "0").isdecimal() else _MOST_TRIES
    if asked.gone is not None:
        asked.edge.lost.wait_for(asked.call, asked.gone)
    if asked.gone is not None or tries >= _MOST_TRIES:
        return _twiml(twilio.ending_twiml(HangUp()))
    query = {**asked.query, "tries": str(tries + 1)}
    path = twilio.AFTER_STREAM_PATH
    if dialled := asked.form.get("DialCallStatus") or asked.query.get("DialCallStatus"):
        path, query["DialCallStatus"] = twilio.AFTER_DIAL_PATH, dialled  # a redirect does not say it again
    message = asked.edge.script.holding if tries % _TOLD_EVERY == 0 else ""
    return _twiml(twilio.again_twiml(asked.edge.public.at(path, **query), message))


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
