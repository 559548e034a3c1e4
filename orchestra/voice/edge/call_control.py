"""What happens next in a call when its carrier asks. Any edge can answer: what it needs is in the call's journal."""

import asyncio
import hashlib
import re
from collections.abc import AsyncGenerator, Callable, Collection, Hashable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import replace
from typing import Any

import structlog
from redis.exceptions import RedisError

from orchestra.bus.keys import partition_of, started_ms
from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import EngineError, JournalUnavailableError, RejectedError
from orchestra.history.ending import HangUp, Transfer
from orchestra.history.reduce import history_of
from orchestra.history.resume import ResumeState
from orchestra.language import find_language
from orchestra.language.registry import DEFAULT_CODE
from orchestra.refusal_log import Refusals
from orchestra.spoken_languages import in_language
from orchestra.voice.carriers.call_lookup import IndexedCall
from orchestra.voice.carriers.port import (
    Answered,
    AskAgain,
    Busy,
    CallReport,
    Connect,
    MediaStream,
    Outdated,
    Parties,
    Step,
    TextStream,
)
from orchestra.voice.carriers.stream_token import LIFETIME_S, claim_stream
from orchestra.voice.edge.call_session import serve_call, serve_text_call
from orchestra.voice.edge.calls_without_stream import close_call
from orchestra.voice.edge.edge import Edge
from orchestra.voice.edge.person_legs import PersonLeg, PersonLegs, person_gone
from orchestra.voice.edge.person_on_line import PersonOnLine
from orchestra_schemas import (
    CallAnswered,
    CallTransferred,
    DecodeError,
    Event,
    TransferAccepted,
    TransferFailed,
    tag_of,
)
from orchestra_schemas.calls import EndReason

_LOG = structlog.get_logger("orchestra.voice")

_JOURNAL_WITHIN_S = 3.0
_FLUSH_WITHIN_S = 2.0
_COUNTED_WITHIN_S = 1.0
_KEPT_S = 3600
#: the edge of a call whose carrier says that it is over knows it within this
_ENDED_WITHIN_S = 3.0
_MINUTE_S = 60
#: from the moment that a call has its id, also when we place it: it may ring for ten minutes
_BEGINS_WITHIN_S = 900.0
#: an edge that crashes because of a call would crash again
_MOST_RESUMES = 10
#: how often the carrier is told to ask again while no journal can be read: for one to two and a half minutes
_MOST_TRIES = 30
#: with every fourth of these, each 8 to 20 seconds, the caller hears that it takes a moment
_HOLDING_EVERY = 4

_CALL = re.compile(r"[0-9]{2}-[0-9A-Za-z-]{1,61}")


class EdgeCallControl:
    """Answers the carrier's questions for one edge: see `CallControl`."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    @property
    def refusals(self) -> Refusals:
        """Notes what was refused."""
        return self._edge.refusals

    @property
    def app(self) -> str:
        """The name of the app that answers calls that name none."""
        return self._edge.answering.apps[0].name

    def is_call(self, call: str) -> bool:
        """Whether this can be an id of one of this platform's calls."""
        return bool(_CALL.fullmatch(call)) and int(call[:2]) < self._edge.bus.partitions

    # -- a call begins

    async def offer(self, report: CallReport) -> Step:
        """A call comes in, or one that we placed was answered. However often it is reported, it is one call.

        Raises:
            RejectedError: the report contradicts an earlier one.

        """
        edge, now = self._edge, int(SYSTEM_CLOCK.time())
        indexed = IndexedCall(report.call or edge.bus.new_call(edge.homes.partitions), now + LIFETIME_S, "waits")
        try:
            partition_of(indexed.call)
        except ValueError as error:
            raise RejectedError(str(error)) from None
        before = await edge.call_index.admit(report.provider_call, report.signature, indexed)
        if before is not None:
            return self._repeated(report, before)
        leg = await self._person(report.call) if report.call else None
        if leg is not None and report.answered is not None and report.answered.by != "human":
            await person_gone(edge, report.call, leg, report.answered.by)
            return HangUp()
        if leg is None and (answered := self._answered(report)) is not None:
            edge.publisher.publish(answered)
            voicemail = edge.answering.begin(replace(report.parties, call=indexed.call), now).voicemail
            if answered.by == "fax" or (answered.by == "machine" and not voicemail):
                await edge.call_index.mark(report.provider_call, indexed.call, "begun")
                edge.admission.release(indexed.call)
                return HangUp()
        if self._is_refused(report) or not await self._admit(indexed.call, now, report):
            edge.admission.refused += 1
            _LOG.warning("call.busy", calls=len(edge.admission), draining=edge.admission.draining)
            await edge.call_index.mark(report.provider_call, indexed.call, "busy")
            return self._busy(report)
        return self._connect_first(report, indexed)

    def _busy(self, report: CallReport) -> Busy:
        """The operator's message is in the language in which the line is answered."""
        language = self._edge.answering.begin(report.parties, SYSTEM_CLOCK.time()).language
        return Busy(in_language(self._edge.settings.busy_message, language) or "", language)

    def _is_refused(self, report: CallReport) -> bool:
        """Whether the caller has dialled what nobody answers, and is to hear the busy tone for it."""
        edge, parties = self._edge, report.parties
        if report.call or not edge.answering.is_unknown(parties):  # of a call that we placed the line comes with it
            return False
        edge.admission.unknown_lines += 1
        edge.refusals.note("call.line_unknown", dialled=parties.own_number[:64], call=report.call)
        return edge.answering.plan is not None and edge.answering.plan.unknown == ""

    def _answered(self, report: CallReport) -> CallAnswered | None:
        """Who answered a call that we placed; None for any other call, and where the carrier says it later."""
        settings = self._edge.settings
        if not report.call:
            return None
        if report.answered is None and settings.machine_detection and settings.machine_detection_async:
            return None
        return _call_answered(report.call, report.answered or Answered("human"))

    async def _admit(self, call: str, now: float, report: CallReport) -> bool:
        edge = self._edge
        line = edge.answering.line_of(report.parties)
        rule = edge.answering.rule(line)
        if (
            rule is not None and rule.calls_per_minute and not report.call
        ):  # calls that we place have limits of their own
            try:
                if await self.count(f"line {line}", _MINUTE_S) > rule.calls_per_minute:
                    return False
            except RejectedError as error:  # the server is away: the edge's own limit has to do
                _LOG.warning("call.not_counted", line=line, reason=str(error))
        most = 0 if rule is None else rule.max_calls
        if edge.admission.admit(call, now, line=line, most=most):
            return True
        if edge.admission.draining:
            return False
        for gone in await edge.call_index.gone_elsewhere():  # the carrier may have reported it to another edge
            edge.admission.release(gone)
        return edge.admission.admit(call, now, line=line, most=most)

    def _repeated(self, report: CallReport, indexed: IndexedCall) -> Step:
        """The same answer again while the call's stream may still come. Afterwards none: it has had its stream."""
        edge = self._edge
        if indexed.state == "busy":
            return self._busy(report)
        if (
            indexed.state == "waits"
            and SYSTEM_CLOCK.time() < indexed.expires
            and edge.admission.find(indexed.call) is None
        ):
            _LOG.info("call.asked_again", call=indexed.call)
            return self._connect_first(report, indexed)
        edge.refusals.note("webhook.repeated", path=report.request, call=indexed.call, state=indexed.state)
        return Outdated()

    def _connect_first(self, report: CallReport, indexed: IndexedCall) -> Connect:
        answered = self._answered(report)
        parties = replace(report.parties, call=indexed.call)
        return Connect(parties, indexed.expires - LIFETIME_S, answered_by=answered.by if answered is not None else "")

    # -- a stream or a transfer has ended

    async def after_stream(self, report: CallReport) -> Step:
        """The media stream of a call has ended, in whichever way."""
        try:
            return await self._next_step(report)
        finally:
            self._edge.admission.carrier_asked(report.call)

    async def _next_step(self, report: CallReport) -> Step:
        edge, call = self._edge, report.call
        try:
            leg = await self._person(call)
            state = await self._state(call) if leg is None else None
        except (JournalUnavailableError, RejectedError):
            return self._ask_again(report)
        if leg is not None:
            return await self._after_persons_stream(report, leg)
        if state is not None and report.stream < state.stream:
            return self._outdated(report)
        if report.end_reason is not None:
            if state is not None and not state.ended:
                # its edge may be about to say the same, or about to find that the stream is gone
                edge.lost.wait_for(call, report.end_reason, within_s=_ENDED_WITHIN_S)
            return HangUp()
        if state is None or not (state.ended or state.started_at or state.turn):
            return await self._connect_late(report, state or ResumeState())
        return await self._follow_journal(report, state)

    async def _after_persons_stream(self, report: CallReport, leg: PersonLeg) -> Step:
        """The stream of a person's call has ended: by their will, with the caller's call, or because it was lost."""
        if report.end_reason is not None:
            await person_gone(self._edge, report.call, leg, report.end_reason)
        elif not leg.over and report.stream < _MOST_RESUMES:
            return self._reconnect(report, ResumeState())
        return HangUp()

    async def _follow_journal(self, report: CallReport, state: ResumeState) -> Step:
        step = next_step(state)
        if isinstance(step, Transfer):
            if not state.transferred:  # the edge was lost before it could say so
                await self._publish(CallTransferred(call=report.call, turn=state.turn, target=step.target))
            return self._with_music(step, state)
        if step is not None or state.resumed >= _MOST_RESUMES:
            return HangUp()
        return self._reconnect(report, state)

    async def _connect_late(self, report: CallReport, state: ResumeState) -> Step:
        """The stream of a call that was admitted did not come, or its edge died at once: it gets another one."""
        indexed = await self._edge.call_index.find(report.provider_call)
        known = indexed is not None and indexed.call == report.call and indexed.state in ("waits", "begun")
        # the journal of an old call may be gone
        old = SYSTEM_CLOCK.time() - started_ms(report.call) / 1000 > _BEGINS_WITHIN_S
        if not known or old or report.stream >= _MOST_RESUMES:
            return HangUp()
        return self._reconnect(report, state)

    async def after_transfer(self, report: CallReport) -> Step:
        """A transfer is over: the person has hung up, or did not take the call; then the agents have it again."""
        call = report.call
        try:
            state = await self._state(call)
        except JournalUnavailableError:
            return self._ask_again(report)
        if state is None or state.ended:
            return HangUp()
        if report.stream < state.stream:
            return self._outdated(report)
        if state.accepted or report.end_reason:
            await self._close(call, "transferred" if state.accepted else "caller_hung_up")
            return HangUp()
        target = state.ending.target if isinstance(state.ending, Transfer) else ""
        if not state.transfer_failed:
            failed = TransferFailed(call=call, turn=state.turn, target=target, reason=report.transfer_status)
            await self._publish(failed)
        return self._reconnect(report, state)

    def _reconnect(self, report: CallReport, state: ResumeState) -> Connect:
        """Offer the call its next stream."""
        now = SYSTEM_CLOCK.time()
        _LOG.info("call.comes_back", call=report.call, resumed=state.resumed)
        self._edge.admission.expect(report.call, now)
        parties = replace(report.parties, stream=report.stream + 1)
        return Connect(parties, now, resumed=True, answered_by=state.answered_by)

    def _outdated(self, report: CallReport) -> Outdated:
        """The carrier has opened another stream since it asked this: somebody repeats it."""
        self._edge.refusals.note("webhook.repeated", path=report.request, call=report.call, stream=report.stream)
        return Outdated()

    def _ask_again(self, report: CallReport) -> Step:
        """Tell the carrier to ask again shortly: the caller waits, and the call is not lost."""
        if report.end_reason is not None:
            self._edge.lost.wait_for(report.call, report.end_reason)
        if report.end_reason is not None or report.tries >= _MOST_TRIES:
            return HangUp()
        script = self._edge.answering.begin(report.parties, SYSTEM_CLOCK.time())
        message = script.holding if report.tries % _HOLDING_EVERY == 0 else ""
        return AskAgain(message, report.tries + 1, script.language)

    # -- the person of a transfer

    async def requested_transfer(self, call: str) -> Transfer | None:
        """The transfer that this call waits for; None where it waits for none, or its journal cannot be read."""
        return (await self._transfer(call))[1]

    async def accept_transfer(self, call: str) -> bool:
        """The person takes the call. False: the call does not wait for anybody any more."""
        state, transfer = await self._transfer(call)
        if transfer is None:
            return False
        if not state.accepted:
            await self._publish(TransferAccepted(call=call, turn=state.turn, target=transfer.target))
        return True

    async def _transfer(self, call: str) -> tuple[ResumeState, Transfer | None]:
        try:
            state = await self._state(call) or ResumeState()
        except JournalUnavailableError:
            state = ResumeState()
        transfer = state.ending if isinstance(state.ending, Transfer) and not state.ended else None
        return state, None if transfer is None else replace(self._with_music(transfer, state), app=state.app)

    def _with_music(self, transfer: Transfer, state: ResumeState) -> Transfer:
        """The transfer with what the caller of this line hears meanwhile."""
        named = self._edge.answering.hold_music_of(state.line)
        return replace(transfer, hold_music=self._edge.hold_music.path_of(named))

    # -- what the carrier reports

    async def answered(self, call: str, answered: Answered) -> None:
        """The carrier has detected during the call who answered it. The edge that has the call reads the event."""
        try:
            leg, state = await self._person(call), await self._state(call)
        except (JournalUnavailableError, RejectedError):
            leg, state = None, None
        if leg is not None:
            if answered.by != "human":
                await person_gone(self._edge, call, leg, answered.by)
        elif state is None or not state.answered_by:
            await self._publish(_call_answered(call, answered))

    async def ended(self, report: CallReport) -> None:
        """The carrier says that a call is over: one that has ended before its stream came is closed here."""
        edge, reason = self._edge, report.end_reason
        if reason is None:
            return
        indexed = await edge.call_index.find(report.provider_call)
        call = report.call or (indexed.call if indexed is not None else "")
        if not call:
            return
        edge.admission.release(call)
        if indexed is not None and indexed.state == "over":
            return
        try:
            leg = await self._person(call)
        except RejectedError as error:  # if it is one, the caller's edge hears nothing of the person, and goes on
            _LOG.warning("call.end_not_noted", call=call, reason=str(error))
            leg = None
        if leg is not None:
            await person_gone(edge, call, leg, reason)
            return
        if report.provider_call:
            await edge.call_index.mark(report.provider_call, call, "over")
        if edge.admission.find(call) is None:
            # its edge may be about to say the same, and has a moment for it
            edge.lost.wait_for(call, reason)

    # -- a stream comes

    @contextmanager
    def pending(self, connection: Hashable, evict: Callable[[], None]) -> Iterator[None]:
        """Count a connection that has not said yet whose stream it is; where too many wait, the oldest is evicted."""
        self._edge.pending.add(connection, evict)
        try:
            yield
        finally:
            self._edge.pending.remove(connection)

    async def claim(self, call: str, provider_call: str, token: str) -> None:
        """The stream of this token is here.

        Raises:
            RejectedError: an edge has it already.

        """
        edge = self._edge
        await asyncio.gather(claim_stream(edge.bus, call, token), edge.call_index.mark(provider_call, call, "begun"))

    async def serve(self, stream: MediaStream, parties: Parties, *, resumed: bool, answered_by: str) -> None:
        """Run the call over this stream, until either is over.

        Raises:
            RejectedError: the carrier broke its protocol, or the call is over.

        """
        leg = await self._person(parties.call) if parties.direction == "outbound" else None
        if leg is not None:
            await self._serve_person(stream, parties, leg)
            return
        await serve_call(self._edge, stream, parties, resumed=resumed, answered_by=answered_by)

    async def _serve_person(self, stream: MediaStream, parties: Parties, leg: PersonLeg) -> None:
        """Have the person join the caller whom they are rung for, if the caller is still there."""
        edge, call = self._edge, leg.call
        try:
            state = await self._state(call)
        except JournalUnavailableError as error:
            msg = "the caller's journal cannot be read"
            raise RejectedError(msg) from error
        others = state is not None and state.held_by not in {"", leg.person}
        if leg.over or state is None or state.ended or state.transferred or others:
            await person_gone(edge, parties.call, leg, "the caller is not there any more")
            return
        try:
            await PersonOnLine(edge, stream, leg).serve(parties.call)
        finally:
            edge.admission.release(parties.call)

    async def _person(self, call: str) -> PersonLeg | None:
        """The person whom this call was placed to, if it was placed for a three-way call.

        Raises:
            RejectedError: that cannot be read at the moment.

        """
        try:
            return await PersonLegs(self._edge.bus).find(call)
        except (TimeoutError, RedisError) as error:
            msg = f"the server does not answer at the moment: {error!r}"
            raise RejectedError(msg) from None

    async def serve_text(self, stream: TextStream, parties: Parties, *, resumed: bool, answered_by: str) -> None:
        """Run the call over this stream of text, until either is over.

        Raises:
            RejectedError: the carrier broke its protocol, or the call is over.

        """
        await serve_text_call(self._edge, stream, parties, resumed=resumed, answered_by=answered_by)

    def message_skipped(self, call: str, reason: str) -> None:
        """A message of the carrier's made no sense, and was skipped."""
        self._edge.admission.skipped_messages += 1
        self._edge.refusals.note("stream.left_out", call=call, reason=reason)

    # -- for carriers that show a call, or limit who may begin one

    async def events(self, call: str, types: Collection[type[Event]]) -> AsyncGenerator[Event]:
        """The call's events of these types, from now on, until it is closed."""
        tags = {tag_of(each) for each in types}
        streams = sorted({each.stream for each in types})
        following = self._edge.bus.follow([partition_of(call)], streams=streams, in_clear=True)
        async with aclosing(following):
            async for entry in following:
                if entry.call != call or entry.type not in tags:
                    continue
                try:
                    event = entry.event()
                except DecodeError as error:
                    _LOG.warning("call.event_unreadable", call=call, id=entry.id, error=str(error))
                    continue
                if event is not None:
                    yield event

    async def speak(self, text: str, language: str = DEFAULT_CODE) -> bytes:
        """The text as speech, 16-bit samples at 8 kHz.

        Raises:
            RejectedError: the speech engine does not speak at the moment.

        """
        try:
            return (await self._edge.engines.render(find_language(language).to_speech(text), "", language)).pcm16
        except EngineError as error:
            msg = f"the speech engine does not speak at the moment: {error}"
            raise RejectedError(msg) from error

    async def count(self, name: str, window_s: int) -> int:
        """Count a use of ``name``, over all edges. Returns how many there were in this window of time, this included.

        Raises:
            RejectedError: they cannot be counted at the moment.

        """
        window = int(SYSTEM_CLOCK.time()) // window_s
        key = self._edge.bus.key(0, "count", f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.{window_s}.{window}")
        try:
            async with asyncio.timeout(_COUNTED_WITHIN_S):
                uses, _ = await self._edge.bus.connection(0).calls([("INCR", key), ("EXPIRE", key, 2 * window_s)])
        except (TimeoutError, RedisError) as error:
            msg = f"calls cannot be counted at the moment: {error!r}"
            raise RejectedError(msg) from None
        if isinstance(uses, RedisError):
            msg = f"calls cannot be counted at the moment: {uses!r}"
            raise RejectedError(msg)
        return int(uses)

    async def keep(self, call: str, name: str, value: str) -> None:
        """Keep what the carrier says of a call for an hour, for whichever edge asks for it by this name.

        Raises:
            RejectedError: it cannot be kept at the moment.

        """
        await self._command(call, "SET", self._edge.bus.key(call, "kept", call, name), value, "EX", _KEPT_S)

    async def kept(self, call: str, name: str) -> str:
        """What was kept of the call by this name; empty if nothing was.

        Raises:
            RejectedError: it cannot be read at the moment.

        """
        value = await self._command(call, "GET", self._edge.bus.key(call, "kept", call, name))
        return "" if value is None else value.decode()

    async def _command(self, call: str, *command: str | int) -> Any:
        try:
            async with asyncio.timeout(_COUNTED_WITHIN_S):
                return await self._edge.bus.connection(partition_of(call)).call(*command)
        except (TimeoutError, RedisError) as error:
            msg = f"the server does not answer at the moment: {error!r}"
            raise RejectedError(msg) from None

    # -- the journal

    async def _state(self, call: str) -> ResumeState | None:
        """The state of the call; None where there is no such call.

        Raises:
            JournalUnavailableError: its journal cannot be read now.

        """
        try:
            async with asyncio.timeout(_JOURNAL_WITHIN_S):
                journal = await self._edge.bus.journal(call, in_clear=True)
        except ValueError:
            return None  # not an id of ours
        except (TimeoutError, RedisError) as error:
            _LOG.warning("call.journal_unreadable", call=call[:64], error=repr(error))
            raise JournalUnavailableError from error
        return history_of(journal).resume if journal else None

    async def _publish(self, event: Event) -> None:
        """Publish it, and wait until the journal has it: the carrier's next question is answered from there."""
        publisher = self._edge.publisher
        publisher.publish(event)
        try:
            await publisher.flush(_FLUSH_WITHIN_S)
        except TimeoutError:
            _LOG.warning("call.journal_late", call=event.call, buffered=publisher.buffered)

    async def _close(self, call: str, reason: EndReason) -> None:
        try:
            await close_call(self._edge.bus, self._edge.publisher, call, reason)
        except (TimeoutError, RedisError) as error:
            _LOG.warning("call.not_closed", call=call, error=repr(error))


def next_step(state: ResumeState) -> HangUp | Transfer | None:
    """What a call does after its stream, by its journal alone; None: it gets another stream.

    A transfer that an agent has asked for is done even if the edge was lost before it could say so, but not if the
    caller spoke over the agent's last words, or has hung up.
    """
    if state.ended or not (state.started_at or state.turn):
        return HangUp()
    if isinstance(state.ending, Transfer):
        return state.ending
    if isinstance(state.ending, HangUp) and state.over:
        return HangUp()
    return None


def _call_answered(call: str, answered: Answered) -> CallAnswered:
    return CallAnswered(call=call, by=answered.by, detail=answered.detail)
