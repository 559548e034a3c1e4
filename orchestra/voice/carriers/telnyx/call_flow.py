"""What is done in a call that Telnyx controls for us: each step is one command or two.

::

    caller's leg   initiated ─▶ answer, with a stream ─▶ stream over ─▶ another stream · hang up · dial the person
      as text      initiated ─▶ answer ─▶ answered ─▶ conversation relay ─▶ over ─▶ another one · …
    person's leg   dialled ─▶ answered ─▶ briefing, a key ─▶ bridge; hung up ─▶ the call's next step
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import structlog

from orchestra.errors import CarrierError, RejectedError
from orchestra.history.ending import HangUp, Transfer
from orchestra.language.registry import DEFAULT_CODE
from orchestra.lines.dialled import split_extension
from orchestra.settings import Settings
from orchestra.voice.carriers.briefing import ACCEPT_KEY, accept_question, briefing
from orchestra.voice.carriers.port import AskAgain, Busy, CallControl, CallReport, Connect, Outdated, Parties, Step
from orchestra.voice.carriers.public_url import PublicUrl
from orchestra.voice.carriers.spoken_language import telnyx_voice
from orchestra.voice.carriers.stream_token import StreamTokens
from orchestra.voice.carriers.telnyx import WEBHOOK_PATH
from orchestra.voice.carriers.telnyx.client_state import ClientState
from orchestra.voice.carriers.telnyx.commands import Commands
from orchestra.voice.carriers.telnyx.events import STREAM_QUERY

_LOG = structlog.get_logger("orchestra.voice")

STREAM_PATH, RELAY_PATH = "/telnyx/stream", "/telnyx/relay"
_ACCEPT_WITHIN_MS = 10_000
_AGAIN_S = 2.0
#: of an extension's keys: Telnyx's ``W`` waits for a second; a key takes 0.25 s, and as much again until the next one
_COMMA, _COMMA_S, _KEY_S = "WW", 2.0, 0.5
#: of what is kept of a call: Telnyx's id of the person's leg, and that the caller has hung up
_PERSON, _CALLER_GONE = "telnyx person", "telnyx caller gone"

#: asks the edge what happens next
Ask = Callable[[CallReport], Awaitable[Step]]


class CallFlow:
    """Does what the edge decides, with commands.

    Args:
        settings: the account's, and how long a transfer may ring.
        public: where Telnyx reaches the edges.
        tokens: issues the tokens of media streams.
        commands: sends commands.
        control: decides what happens next in a call.

    """

    def __init__(
        self, settings: Settings, public: PublicUrl, tokens: StreamTokens, commands: Commands, control: CallControl
    ) -> None:
        self._settings = settings
        self._public = public
        self._tokens = tokens
        self._commands = commands
        self._control = control
        self._waiting: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Ask no more."""
        for task in self._waiting:
            task.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)

    async def after_stream(self, parties: Parties) -> None:
        """A stream is over here: see to what happens next, without waiting for Telnyx to say so.

        Another stream is started when Telnyx says it, since it may not know yet that this one is over; or soon, if it
        does not say it. Where a step fails, its webhook brings the question to an edge again.
        """
        report, ask = CallReport(parties, request="stream"), self._control.after_stream
        step = await ask(report)
        if isinstance(step, Connect):
            self._later(report, ask)
            return
        try:
            await self._act(step, report, ask)
        except CarrierError as error:
            _LOG.warning("call.step_failed", call=parties.call, error=str(error))

    async def proceed(self, report: CallReport, ask: Ask) -> None:
        """Ask what happens next, and do it.

        Raises:
            CarrierError: Telnyx refuses the command, or does not answer.

        """
        await self._act(await ask(report), report, ask)

    async def _act(self, step: Step, report: CallReport, ask: Ask) -> None:
        leg, call = report.provider_call, report.call
        match step:
            case Outdated():
                pass  # it was done before
            case HangUp():
                await self.hang_up(leg)
            case Connect():
                await self._connect(step, report)
            case Transfer():
                await self._dial(step, report)
            case Busy():
                await self._refuse(leg, step)
            case AskAgain(message, tries):
                if message:
                    await self.say(leg, f"{call}.say.{report.stream}.{tries}", message, step.language)
                self._later(replace(report, tries=tries), ask)

    async def say(self, leg: str, command_id: str, text: str, language: str = DEFAULT_CODE) -> bool:
        """Have Telnyx say this in ``language``."""
        return await self._commands.send(leg, "speak", command_id, payload=text, **telnyx_voice(language))

    async def hang_up(self, leg: str) -> None:
        """End a leg."""
        await self._commands.send(leg, "hangup", f"{leg}.hangup")

    def _later(self, report: CallReport, ask: Ask) -> None:
        async def proceed() -> None:
            try:
                await self.proceed(report, ask)
            except CarrierError as error:
                _LOG.warning("call.step_failed", call=report.call, error=str(error))

        self._after(_AGAIN_S, proceed, f"ask again {report.call}")

    def _after(self, seconds: float, act: Callable[[], Awaitable[None]], name: str) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            await act()

        task = asyncio.create_task(wait(), name=name)
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    # -- the caller's leg

    async def _connect(self, step: Connect, report: CallReport) -> None:
        """Have the leg's audio streamed to an edge; a leg that still rings is answered with it."""
        parties, leg = step.parties, report.provider_call
        token = self._tokens.issue(parties.call, leg, step.offered_at, parties.stream)
        state = ClientState.of(step, token)
        new = parties.direction == "inbound" and not step.resumed
        if self._settings.telnyx_media == "relay":
            there = await (
                self._commands.send(leg, "answer", f"{leg}.answer", **self._leg(state))
                if new  # what follows comes with the leg's `call.answered`
                else self.start_relay(leg, state)
            )
        elif new:
            there = await self._commands.send(
                leg, "answer", f"{leg}.answer", **self._leg(state), **self._stream(parties.stream)
            )
        else:
            there = await self._commands.send(
                leg,
                "streaming_start",
                f"{parties.call}.stream.{parties.stream}",
                client_state=state.encode(),
                **self._stream(parties.stream),
            )
        if not there:
            gone = replace(report, parties=replace(report.parties, call=parties.call), end_reason="caller_hung_up")
            await self._control.ended(gone)

    async def start_relay(self, leg: str, state: ClientState) -> bool:
        """Have Telnyx hear and speak on an answered leg, with the edge as its brain. False: the leg is over."""
        told = {
            "token": state.token,
            "call": state.call,
            "from_number": state.from_number,
            "to_number": state.to_number,
            "direction": state.direction,
            "resumed": "1" if state.resumed else "",
            "answered_by": state.answered_by,
        }
        chosen: dict[str, Any] = {"dtmf_detection": True, "interruptible": "any", **self._settings.relay_attributes}
        return await self._commands.send(
            leg,
            "conversation_relay_start",
            f"{state.call}.relay.{state.stream}",
            client_state=state.encode(),
            **chosen,
            url=self._public.socket_at(RELAY_PATH),
            custom_parameters={name: value for name, value in told.items() if value},
        )

    def _leg(self, state: ClientState) -> dict[str, Any]:
        return {"client_state": state.encode(), "webhook_url": self._public.at(WEBHOOK_PATH)}

    def _stream(self, number: int) -> dict[str, Any]:
        return {
            "stream_url": self._public.socket_at(STREAM_PATH, **{STREAM_QUERY: str(number)}),
            "stream_track": "inbound_track",
            "stream_codec": "PCMU",
            "stream_bidirectional_mode": "rtp",
            "stream_bidirectional_codec": "PCMU",
        }

    async def _refuse(self, leg: str, busy: Busy) -> None:
        """There is no line: the busy tone, or the message once the leg is answered."""
        if busy.message:
            state = ClientState(busy=busy.message, language=busy.language)
            await self._commands.send(leg, "answer", f"{leg}.answer", **self._leg(state))
        else:
            await self._commands.send(leg, "reject", f"{leg}.reject", cause="USER_BUSY")

    # -- the person's leg

    async def _dial(self, transfer: Transfer, report: CallReport) -> None:
        """Ring the person. Where that fails, the call goes on without them."""
        parties = report.parties
        ours = parties.from_number if parties.direction == "outbound" else parties.to_number
        state = ClientState(
            parties.call,
            parties.stream,
            parties.from_number,
            parties.to_number,
            parties.direction,
            caller=parties.provider_call,
            music=bool(transfer.hold_music),
        )
        number, _ = split_extension(transfer.target)
        try:
            if not self._settings.telnyx_connection_id:
                msg = "ORCHESTRA_TELNYX_CONNECTION_ID is not set: without it nobody can be rung"
                raise CarrierError(msg)  # noqa: TRY301 - it fails like a refused command
            person = await self._commands.dial(
                f"{parties.call}.dial.{parties.stream}",
                connection_id=self._settings.telnyx_connection_id,
                to=number,
                **{"from": self._settings.telnyx_number or ours},
                link_to=parties.provider_call,
                timeout_secs=self._settings.ring_s,
                **self._leg(state),
            )
        except CarrierError as error:
            _LOG.warning("transfer.failed", call=parties.call, error=str(error))
            failed = replace(report, transfer_status=str(error)[:200])
            await self.proceed(failed, self._control.after_transfer)
            return
        await self._note_person(parties.call, person)
        if transfer.hold_music:
            await self._optional(
                parties.provider_call,
                "playback_start",
                f"{parties.call}.music.{parties.stream}",
                audio_url=self._public.at(transfer.hold_music),
                loop="infinity",
            )

    async def _note_person(self, call: str, person: str) -> None:
        """Keep the id of the person's leg: without it, it rings on where the caller hangs up.

        They may have hung up while it was dialled, unseen here: `stop_ringing` notes first and looks then, too.
        """
        try:
            await self._control.keep(call, _PERSON, person)
            if await self._control.kept(call, _CALLER_GONE):
                await self.hang_up(person)
        except (CarrierError, RejectedError) as error:
            _LOG.warning("transfer.person_not_noted", call=call, error=str(error))

    async def stop_ringing(self, call: str) -> None:
        """The caller has hung up: nobody is to be rung for them any longer."""
        if not call:
            return
        try:
            await self._control.keep(call, _CALLER_GONE, "yes")
            if person := await self._control.kept(call, _PERSON):
                await self.hang_up(person)
        except (CarrierError, RejectedError) as error:  # whoever answers is hung up on
            _LOG.info("transfer.rings_on", call=call, error=str(error))

    async def stop_music(self, state: ClientState) -> None:
        """The caller waits no longer."""
        if state.music:
            await self._optional(state.caller, "playback_stop", f"{state.call}.music_over.{state.stream}")

    async def _optional(self, leg: str, action: str, command_id: str, **fields: Any) -> None:
        """Send a command without which the call goes on."""
        try:
            await self._commands.send(leg, action, command_id, **fields)
        except CarrierError as error:
            _LOG.warning("call.command_failed", action=action, error=str(error))

    async def person_answered(self, leg: str, call: str) -> None:
        """The person's number has answered: an extension is pressed first, and the person is briefed after it."""
        transfer = await self._control.requested_transfer(call)
        if transfer is None:
            await self.hang_up(leg)
            return
        _, extension = split_extension(transfer.target)
        if not extension:
            await self._brief(transfer, leg)
            return
        await self._commands.send(leg, "send_dtmf", f"{leg}.extension", digits=extension.replace(",", _COMMA))
        pressed_s = sum(_COMMA_S if key == "," else _KEY_S for key in extension)

        async def brief() -> None:
            try:
                await self._brief(transfer, leg)
            except CarrierError as error:
                _LOG.warning("call.step_failed", call=call, error=str(error))

        self._after(pressed_s, brief, f"extension {call}")

    async def _brief(self, transfer: Transfer, leg: str) -> None:
        """Tell the person what the call is about; they take it with a key."""
        await self._commands.send(
            leg,
            "gather_using_speak",
            f"{leg}.brief",
            payload=f"{briefing(transfer, self._control.app)} {accept_question(transfer.language)}",
            minimum_digits=1,
            maximum_digits=1,
            maximum_tries=1,
            timeout_millis=_ACCEPT_WITHIN_MS,
            **telnyx_voice(transfer.language),
        )

    async def accept(self, leg: str, state: ClientState, digits: str) -> None:
        """The person has pressed a key, or none."""
        accepts = digits == ACCEPT_KEY and await self._control.accept_transfer(state.call)
        if accepts:
            await self.stop_music(state)
        bridged = accepts and await self._commands.send(
            state.caller, "bridge", f"{state.call}.bridge.{state.stream}", call_control_id=leg
        )
        if not bridged:
            await self.hang_up(leg)
