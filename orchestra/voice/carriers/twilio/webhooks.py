"""Twilio's webhooks as the edge answers them. Any edge can answer any of them: what it needs stands on the journal."""

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qsl

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from redis.exceptions import RedisError
from starlette.requests import ClientDisconnect

from orchestra.bus.keys import partition_of, started_ms
from orchestra.errors import OrchestraError, RejectedError
from orchestra.history.ending import HangUp, Transfer
from orchestra.history.reduce import history_of
from orchestra.history.resume import ResumeState
from orchestra.voice.call.call import Parties
from orchestra.voice.carriers.call_lookup import IndexedCall
from orchestra.voice.carriers.stream_token import LIFETIME_S
from orchestra.voice.carriers.twilio import twiml
from orchestra.voice.edge.lost_calls import close_call
from orchestra_schemas import CallAnswered, CallTransferred, Event, TransferAccepted, TransferFailed
from orchestra_schemas.calls import EndReason

if TYPE_CHECKING:
    from orchestra.voice.edge.edge import Edge

_LOG = structlog.get_logger("orchestra.voice")

_JOURNAL_WITHIN_S = 3.0
_FLUSH_WITHIN_S = 2.0
#: from the moment that a call has its id, also when we make it: it may ring for ten minutes
_BEGINS_WITHIN_S = 900.0
#: an edge that dies of a call would die of it again
_MOST_RESUMES = 10
#: times that the carrier is asked to ask again while no journal can be read: a minute to two and a half
_MOST_TRIES = 30
#: every so many times, 8 to 20 seconds, the caller is told that it takes a moment
_TOLD_EVERY = 4

router = APIRouter()


_CALL = re.compile(r"[0-9]{2}-[0-9A-Za-z-]{1,61}")


@dataclass(frozen=True, slots=True)
class Webhook:
    """A request of the carrier's, its signature checked.

    Attributes:
        edge: who answers it.
        form: what the carrier says.
        query: what we wrote into the address when we gave it to the carrier.
        signature: the carrier's, over both.

    """

    edge: "Edge"
    form: dict[str, str]
    query: Mapping[str, str]
    signature: str

    @property
    def call(self) -> str:
        """The call's id, empty where the carrier has none of us yet."""
        return self.query.get("call", "")

    @property
    def provider_call(self) -> str:
        """The carrier's own id of the call."""
        return self.form.get("CallSid", "")

    @property
    def stream(self) -> int:
        """The number of the media stream after which the carrier asks."""
        return _number(self.query.get("stream", "0"), 0)

    @property
    def gone(self) -> EndReason | None:
        """Why the call is over, if the carrier says that it is."""
        return twiml.FINAL.get(self.form.get("CallStatus", ""))

    async def resume_state(self) -> ResumeState | None:
        """The call's state by its journal; None where no such call is known.

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
        return history_of(journal).resume if journal else None


class ForeignCallError(OrchestraError):
    """The address of a signed webhook names a call that cannot be one of this platform's."""


class JournalAwayError(OrchestraError):
    """The state of the call cannot be read at the moment."""


async def webhook(request: Request) -> Webhook:
    """Check the signature.

    Raises:
        HTTPException: it is not the carrier's (403).
        ForeignCallError: the carrier signed it, but the call in its address cannot be one of ours.

    """
    edge: Edge = request.app.state.edge
    # as they came: what is read of them below is what the carrier has signed
    path, query = (request.scope[part].decode("latin-1") for part in ("raw_path", "query_string"))
    signature = request.headers.get("X-Twilio-Signature", "")
    auth_token = edge.settings.twilio_auth_token.get_secret_value()
    try:
        body = await body_of(request, twiml.LONGEST_FORM)
        address = edge.public.at(path) + (f"?{query}" if query else "")
        form = twiml.signed_form(body, address, signature, auth_token)
        asked = Webhook(edge, form, _query(query), signature)
    except RejectedError as error:
        edge.refusals.note("webhook.refused", path=request.url.path[:100], reason=str(error))
        raise HTTPException(403) from None
    if asked.call and not (_CALL.fullmatch(asked.call) and int(asked.call[:2]) < edge.bus.partitions):
        raise ForeignCallError
    return asked


async def hang_up(request: Request, _: Exception) -> Response:
    """Answer a webhook about a call that cannot be ours: a refusal would make the carrier read out an error."""
    reason = "the address names a call that cannot be one of this platform's"
    request.app.state.edge.refusals.note("webhook.refused", path=request.url.path[:100], reason=reason)
    return _twiml(twiml.hang_up_twiml())


def _query(query: str) -> dict[str, str]:
    """What we wrote into the address.

    Raises:
        RejectedError: a name is there twice, which we never write.

    """
    pairs = parse_qsl(query, keep_blank_values=True)
    if len(dict(pairs)) < len(pairs):
        msg = "a name is twice in the address"
        raise RejectedError(msg)
    return dict(pairs)


def _number(text: str, otherwise: int) -> int:
    """A number that we wrote into an address."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else otherwise  # noqa: PLR2004


Asked = Annotated[Webhook, Depends(webhook)]


@router.post(twiml.VOICE_PATH)
async def voice(asked: Asked) -> Response:
    """A call comes in, or one that we have made was answered. However often it is said, it is one call."""
    edge, now = asked.edge, int(time.time())
    note = IndexedCall(asked.call or edge.bus.new_call(edge.homes), now + LIFETIME_S, "waits")
    try:
        partition_of(note.call)
        before = await edge.call_index.admit(asked.provider_call, asked.signature, note)
    except (RejectedError, ValueError) as error:
        edge.refusals.note("webhook.refused", path=twiml.VOICE_PATH, reason=str(error))
        raise HTTPException(403) from None
    if before is not None:
        return _said_before(asked, before)
    if asked.call and (answered := _answered(asked)) is not None:
        edge.publisher.publish(answered)
        if answered.by == "fax" or (answered.by == "machine" and not edge.script.voicemail):
            await edge.call_index.mark(asked.provider_call, note.call, "begun")
            edge.admission.release(note.call)
            return _twiml(twiml.hang_up_twiml())
    if not await _has_place(edge, note.call, now):
        edge.admission.refused += 1
        _LOG.warning("call.busy", calls=len(edge.admission), draining=edge.admission.draining)
        await edge.call_index.mark(asked.provider_call, note.call, "busy")
        return _twiml(twiml.busy_twiml(edge.settings.busy_message))
    return _connect_first(asked, note)


def _answered(asked: Webhook) -> CallAnswered | None:
    """Who has answered a call that we made; None where the carrier says it later."""
    settings = asked.edge.settings
    if "AnsweredBy" not in asked.form and settings.machine_detection and settings.machine_detection_async:
        return None
    return twiml.answered_by(asked.call, asked.form)


async def _has_place(edge: "Edge", call: str, now: float) -> bool:
    if edge.admission.admit(call, now):
        return True
    if edge.admission.draining:
        return False
    for gone in await edge.call_index.gone_elsewhere():  # another edge may have been told
        edge.admission.release(gone)
    return edge.admission.admit(call, now)


def _said_before(asked: Webhook, note: IndexedCall) -> Response:
    """The same answer again while the call's stream may still come; afterwards none: it has had its stream."""
    edge = asked.edge
    if note.state == "busy":
        return _twiml(twiml.busy_twiml(edge.settings.busy_message))
    if note.state == "waits" and time.time() < note.expires and edge.admission.find(note.call) is None:
        _LOG.info("call.asked_again", call=note.call)
        return _connect_first(asked, note)
    edge.refusals.note("webhook.repeated", path=twiml.VOICE_PATH, call=note.call, state=note.state)
    return _twiml(twiml.hang_up_twiml())


def _connect_first(asked: Webhook, note: IndexedCall) -> Response:
    parties = _parties(note.call, asked.form, outbound=bool(asked.call))
    answered = _answered(asked) if asked.call else None
    parameters = {"answered_by": answered.by} if answered is not None else {}
    return _connect(asked.edge, parties, note.expires - LIFETIME_S, **parameters)


@router.post(twiml.AFTER_STREAM_PATH)
async def after_stream(asked: Asked) -> Response:
    """The stream of a call has ended, in whichever way."""
    try:
        return await _next_step(asked)
    finally:
        asked.edge.admission.carrier_asked(asked.call)


async def _next_step(asked: Webhook) -> Response:
    edge, call = asked.edge, asked.call
    try:
        state = await asked.resume_state()
    except JournalAwayError:
        return _again(asked)
    if state is not None and asked.stream < state.stream:
        return _too_late(asked)
    if asked.gone is not None:
        if state is not None and not state.ended and edge.admission.find(call) is None:
            edge.lost.wait_for(call, asked.gone)
        return _twiml(twiml.hang_up_twiml())
    if state is None or not (state.ended or state.started_at or state.turn):
        return await _never_began(asked, state or ResumeState())
    return await _go_on(asked, state)


async def _go_on(asked: Webhook, state: ResumeState) -> Response:
    edge, call = asked.edge, asked.call
    step = twiml.next_step(state)
    if isinstance(step, Transfer):
        if not state.transferred:  # the edge was lost before it could say so
            await _publish(edge, CallTransferred(call=call, turn=state.turn, target=step.target))
        ring_s = edge.settings.ring_s
        return _twiml(twiml.dial_twiml(step, call, edge.public, ring_s=ring_s, stream=asked.stream))
    if isinstance(step, HangUp) or state.resumed >= _MOST_RESUMES:
        return _twiml(twiml.hang_up_twiml())
    return _reconnect(asked, state)


async def _never_began(asked: Webhook, state: ResumeState) -> Response:
    """The stream of a call that was admitted did not come, or its edge died at once: it gets another."""
    note = await asked.edge.call_index.find(asked.provider_call)
    known = note is not None and note.call == asked.call and note.state in ("waits", "begun")
    # of an old call nothing may be left on the journal
    old = time.time() - started_ms(asked.call) / 1000 > _BEGINS_WITHIN_S
    if not known or old or asked.stream >= _MOST_RESUMES:
        return _twiml(twiml.hang_up_twiml())
    return _reconnect(asked, state)


def _too_late(asked: Webhook) -> Response:
    """The carrier has opened another stream since it asked this: somebody says it again."""
    asked.edge.refusals.note(
        "webhook.repeated", path="after-stream or after-dial", call=asked.call, stream=asked.stream
    )
    return _twiml(twiml.hang_up_twiml())


@router.post(twiml.WHISPER_PATH)
async def whisper(asked: Asked) -> Response:
    """The person of a transfer has answered: they are told what it is about, and asked to take the call."""
    _, transfer = await _transfer(asked)
    if transfer is None:
        return _twiml(twiml.hang_up_twiml())
    return _twiml(twiml.whisper_twiml(transfer, asked.call, asked.edge.public, app=asked.edge.script.app))


@router.post(twiml.ACCEPT_PATH)
async def accept(asked: Asked) -> Response:
    """The person has pressed a key."""
    state, transfer = await _transfer(asked)
    if transfer is None or asked.form.get("Digits") != twiml.ACCEPT_KEY:
        return _twiml(twiml.hang_up_twiml())
    if not state.accepted:
        await _publish(asked.edge, TransferAccepted(call=asked.call, turn=state.turn, target=transfer.target))
    return _twiml(twiml.bridge_twiml())


async def _transfer(asked: Webhook) -> tuple[ResumeState, Transfer | None]:
    """The call's state, and the transfer that it waits for; None where there is none, or it cannot be read."""
    try:
        state = await asked.resume_state() or ResumeState()
    except JournalAwayError:
        state = ResumeState()
    if state.ended or not isinstance(state.ending, Transfer):
        return state, None
    return state, state.ending


@router.post(twiml.AFTER_DIAL_PATH)
async def after_dial(asked: Asked) -> Response:
    """The transfer is over: the person has hung up, or did not take the call; then the agents have it again."""
    edge, call = asked.edge, asked.call
    try:
        state = await asked.resume_state()
    except JournalAwayError:
        return _again(asked)
    if state is None or state.ended:
        return _twiml(twiml.hang_up_twiml())
    if asked.stream < state.stream:
        return _too_late(asked)
    if state.accepted or asked.gone:
        await _close(edge, call, "transferred" if state.accepted else "caller_hung_up")
        return _twiml(twiml.hang_up_twiml())
    target = state.ending.target if isinstance(state.ending, Transfer) else ""
    reason = asked.form.get("DialCallStatus", "") or asked.query.get("DialCallStatus", "")
    if not state.transfer_failed:
        await _publish(edge, TransferFailed(call=call, turn=state.turn, target=target, reason=reason))
    return _reconnect(asked, state)


@router.post(twiml.MACHINE_PATH)
async def machine(asked: Asked) -> Response:
    """The carrier has found out, while the call goes on, who answered it; the edge that has the call reads it."""
    if asked.call and asked.form.get("AnsweredBy"):
        try:
            state = await asked.resume_state()
        except JournalAwayError:
            state = None
        if state is None or not state.answered_by:
            await _publish(asked.edge, twiml.answered_by(asked.call, asked.form))
    return Response(status_code=204)


@router.post(twiml.STATUS_PATH)
async def status(asked: Asked) -> Response:
    """The carrier says how a call goes; what has ended without a word of its stream is closed here."""
    edge, gone = asked.edge, asked.gone
    if gone is None:
        return Response(status_code=204)
    note = await edge.call_index.find(asked.provider_call)
    call = asked.call or (note.call if note is not None else "")
    if call and (note is None or note.state != "over"):
        edge.admission.release(call)
        if asked.provider_call:
            await edge.call_index.mark(asked.provider_call, call, "over")
        if edge.admission.find(call) is None:
            # its edge may be about to say the same: it has a moment
            edge.lost.wait_for(call, gone)
    return Response(status_code=204)


def _again(asked: Webhook) -> Response:
    """Ask the carrier to ask again in a moment: the caller waits, the call is not lost for it."""
    tries = _number(asked.query.get("tries", "0"), _MOST_TRIES)
    if asked.gone is not None:
        asked.edge.lost.wait_for(asked.call, asked.gone)
    if asked.gone is not None or tries >= _MOST_TRIES:
        return _twiml(twiml.hang_up_twiml())
    query = {**asked.query, "tries": str(tries + 1)}
    path = twiml.AFTER_STREAM_PATH
    if dialled := asked.form.get("DialCallStatus") or asked.query.get("DialCallStatus"):
        path, query["DialCallStatus"] = twiml.AFTER_DIAL_PATH, dialled  # a redirect does not say it again
    message = asked.edge.script.holding if tries % _TOLD_EVERY == 0 else ""
    return _twiml(twiml.retry_twiml(asked.edge.public.at(path, **query), message))


def _parties(call: str, form: dict[str, str], *, outbound: bool) -> Parties:
    return Parties(
        call=call,
        provider_call=form.get("CallSid", ""),
        from_number=form.get("From", ""),
        to_number=form.get("To", ""),
        direction="outbound" if outbound else "inbound",
    )


def _connect(edge: "Edge", parties: Parties, now: float, **parameters: str) -> Response:
    token = edge.tokens.issue(parties.call, parties.provider_call, now, parties.stream)
    return _twiml(twiml.connect_twiml(parties, token, edge.public, **parameters))


def _reconnect(asked: Webhook, state: ResumeState) -> Response:
    """Offer the call its next stream."""
    edge, call, now = asked.edge, asked.call, time.time()
    _LOG.info("call.comes_back", call=call, resumed=state.resumed)
    edge.admission.expect(call, now)
    outbound = asked.form.get("Direction", "").startswith("outbound")
    parties = replace(_parties(call, asked.form, outbound=outbound), stream=asked.stream + 1)
    answered = {"answered_by": state.answered_by} if state.answered_by else {}
    return _connect(edge, parties, now, resumed="1", **answered)


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
    """The body, read no further than a little beyond ``longest`` bytes: enough to be refused.

    Raises:
        RejectedError: the connection ended within it.

    """
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > longest:
                break
    except ClientDisconnect:
        msg = "the connection ended within the body"
        raise RejectedError(msg) from None
    return body


def _twiml(document: str) -> Response:
    return Response(document, media_type="application/xml")
