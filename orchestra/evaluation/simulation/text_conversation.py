"""Calls as text: the app's agents, tools and rules are real, and nothing waits for a sound."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from orchestra.agents.app import App
from orchestra.agents.builtin import collect_digits
from orchestra.agents.lines import Lines
from orchestra.call_variables import in_speech
from orchestra.errors import EngineError, StrayedError
from orchestra.evaluation.recorded_caller import GrowingJournal
from orchestra.evaluation.sandbox import Candidate, Sandbox, open_sandbox
from orchestra.evaluation.simulation.caller import SimulatedCaller
from orchestra.evaluation.simulation.disturbances import first_words
from orchestra.evaluation.simulation.runs import Conversation, HeldCall
from orchestra.evaluation.simulation.scenario import Scenario
from orchestra.lines import AppId, LineRule
from orchestra.settings import Settings
from orchestra.spoken_languages import SpokenLanguages, in_language
from orchestra_schemas import (
    AgentChanged,
    AppChanged,
    CallEnded,
    CallGreeted,
    CallStarted,
    CallVariablesRequested,
    CallVariablesSet,
    DigitPressed,
    Event,
    LanguageChanged,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    ToolRequested,
    TurnCancelled,
    TurnCompleted,
    UserTurnEnded,
)
from orchestra_schemas.calls import EndReason

#: on top of what a turn may take
_GRACE_S = 10.0
_PARTITIONS = 4


@asynccontextmanager
async def open_text_conversations(
    candidate: Candidate, *, partitions: int = _PARTITIONS
) -> AsyncIterator[Conversation]:
    """Start the workers of the app in a sandbox, and remove everything at the end of the block.

    Raises:
        MissingExtraError: there is no embedded server, or no such model, in this installation.
        SettingError: the model has no server.

    """
    async with open_sandbox(candidate, partitions=partitions, simulated=True) as sandbox:

        async def hold(caller: SimulatedCaller, resources: Mapping[AppId, Any]) -> HeldCall:
            return await _hold(sandbox, caller, resources)

        yield hold


async def _hold(sandbox: Sandbox, caller: SimulatedCaller, resources: Mapping[AppId, Any]) -> HeldCall:
    call, invalid, broken_off = sandbox.bus.new_call(), "", ""
    sandbox.resources[call] = resources
    app = answering_app(sandbox.candidate, caller.scenario)
    with sandbox.journals.watched(call) as journal:
        opening = _opening(sandbox.candidate, app, caller.scenario)
        talk = _TextCall(
            opening,
            call=call,
            caller=caller,
            journal=journal,
            publish=sandbox.publisher.publish,
            settings=sandbox.candidate.settings,
        )
        reason: EndReason = "failed"
        try:
            reason = await talk.hold()
        except StrayedError as error:
            invalid, reason = str(error), "caller_hung_up"
        except EngineError as error:
            broken_off = str(error)
        finally:
            await talk.end(reason)
            sandbox.publisher.forget(call)
            del sandbox.resources[call]
    waits = tuple(turn.first_ms for turn in journal.history.turns if turn.first_ms is not None)
    return HeldCall(
        call=call, events=journal.events, history=journal.history, invalid=invalid, broken_off=broken_off, wait_ms=waits
    )


def answering_app(candidate: Candidate, scenario: Scenario) -> App:
    """The app that answers a scenario's call.

    Raises:
        UsageError: none of the lines' apps does.

    """
    return candidate.answering([CallStarted(call="", line=scenario.line, from_number=scenario.number)])


def languages_of_call(candidate: Candidate, app: App, scenario: Scenario) -> SpokenLanguages:
    """What the app speaks in a scenario's call, on the line that it comes by."""
    rule = _rule_of_line(candidate, scenario)
    return app.speaks if rule is None else app.speaks.on_line(rule.language)


class _TextCall:
    """One call: does what an edge does, without sound.

    Args:
        opening: how it begins.
        call: its id.
        caller: the caller.
        journal: of the call.
        publish: publishes as an edge does.
        settings: how long a caller may be silent, and a turn may take.

    """

    def __init__(
        self,
        opening: "_Opening",
        *,
        call: str,
        caller: SimulatedCaller,
        journal: GrowingJournal,
        publish: Callable[[Event], Event],
        settings: Settings,
    ) -> None:
        self._opening, self._call, self._caller, self._journal = opening, call, caller, journal
        self._publish = publish
        self._on_call_s = settings.on_call_s
        self._silence_s, self._answered_within_s = settings.caller_silence_s, settings.turn_s + _GRACE_S
        self._place = self._turn = 0
        self._collecting = False

    async def hold(self) -> EndReason:
        """Hold the call; returns how it ends.

        Raises:
            StrayedError: the caller has left the role.
            EngineError: the agents have not answered in time.

        """
        await self._begin()
        while True:
            wish = await self._caller.next()
            if wish.text:
                self._turn += 1
                self._collecting = False
                now = time.time()
                self._publish(UserTurnEnded(call=self._call, turn=self._turn, text=wish.text, speech_ended_at=now))
            for digit in wish.keys:
                self._publish(DigitPressed(call=self._call, turn=self._turn, digit=digit))
            if wish.text or (wish.keys and self._collecting):
                ended = await self._reply()
                if ended is not None:
                    return ended
            if wish.hang_up:
                return "caller_hung_up"

    async def end(self, reason: EndReason) -> None:
        """Publish that the call is over, and wait until its journal says so."""
        self._publish(CallEnded(call=self._call, turn=self._turn, reason=reason))
        await self._until(lambda event: isinstance(event, CallEnded))

    async def _begin(self) -> None:
        scenario, opening, variables = self._caller.scenario, self._opening, dict(self._caller.scenario.variables)
        greeting = in_speech(opening.greeting, variables)
        started = CallStarted(
            call=self._call,
            from_number=scenario.number,
            app=opening.app.name,
            version=opening.app.version,
            greeting="" if opening.app.asks_variables else greeting,
            variables=variables,
            line=scenario.line,
            language=opening.language,
        )
        self._publish(started)
        await self._until(lambda event: isinstance(event, AgentChanged))
        if opening.app.asks_variables:
            greeting = in_speech(opening.greeting, {**variables, **await self._known_of(started)})
            self._publish(CallGreeted(call=self._call, greeting=greeting, language=opening.language))
        if opening.heard not in ("", opening.language):
            heard = LanguageChanged(
                call=self._call, turn=1, language=opening.heard, previous=opening.language, reason="heard"
            )
            self._publish(heard)
        if greeting:
            self._listen(greeting)

    async def _known_of(self, started: CallStarted) -> dict[str, Any]:
        """What the app knows of the call that begins."""
        asked = CallVariablesRequested(
            call=self._call,
            app=started.app,
            from_number=started.from_number,
            line=started.line,
            language=started.language,
            variables=started.variables,
            deadline=time.time() + self._on_call_s,
        )
        self._publish(asked)
        known = await self._until(lambda event: isinstance(event, CallVariablesSet))
        assert isinstance(known, CallVariablesSet)
        return known.variables

    async def _reply(self) -> EndReason | None:
        """Wait for the reply and hear it. Returns why the call ends with it; None: it goes on."""
        ended = await self._until(self._ends_reply)
        if isinstance(ended, ReplyChunk):
            self._caller.hear(ended.text)
            return None
        self._collecting = False
        turn = self._journal.turn(self._turn)
        assert turn is not None, "it has just ended"
        greetings = [
            event.greeting
            for event in self._journal.events
            if isinstance(event, AppChanged) and event.turn == self._turn
        ]
        hung_up = self._listen(" ".join(filter(None, (turn.reply, *greetings))))
        if hung_up is None and turn.closing:
            return "transferred" if turn.closing == "transferred" else "agent_hung_up"
        return hung_up or self._be_silent()

    def _ends_reply(self, event: Event) -> bool:
        """The turn is over, or a tool has asked for keys and waits for them."""
        if event.turn != self._turn:
            return False
        if isinstance(event, ToolRequested) and event.name == collect_digits.name:
            self._collecting = True
        asked = self._collecting and isinstance(event, ReplyChunk) and event.filler
        return asked or isinstance(event, TurnCompleted | TurnCancelled)

    def _listen(self, reply: str) -> EndReason | None:
        """Hear a reply, all of it or as much as the disturbances want. Returns why the call ends with it."""
        plan = self._caller.plan.turn(self._caller.number + 1)
        heard = first_words(reply, plan.hangs_up_after_words or plan.interrupts_after_words)
        if heard == " ".join(reply.split()):
            self._publish(ReplySpoken(call=self._call, turn=self._turn, text=reply))
            self._caller.hear(reply)
        else:
            self._publish(ReplyInterrupted(call=self._call, turn=self._turn, heard=heard))
            self._caller.hear(heard, cut=True)
        return "caller_hung_up" if plan.hangs_up_after_words else None

    def _be_silent(self) -> EndReason | None:
        """Say nothing, as the disturbances want; who is silent for too long is asked, and then hung up on."""
        silent_s = self._caller.plan.turn(self._caller.number + 1).silence_s
        if silent_s <= self._silence_s:
            return None
        if self._opening.still_there:
            self._publish(ReplySpoken(call=self._call, turn=self._turn, text=self._opening.still_there))
            self._caller.hear(self._opening.still_there)
        return "silence" if silent_s > 2 * self._silence_s or not self._opening.still_there else None

    async def _until(self, wanted: Callable[[Event], bool]) -> Event:
        """The next event of this kind in the journal.

        Raises:
            EngineError: it does not come in time.

        """
        try:
            async with asyncio.timeout(self._answered_within_s):
                found = await self._journal.until(wanted, self._place)
        except TimeoutError:
            msg = f"the agents have not answered within {self._answered_within_s:g} s"
            raise EngineError(msg) from None
        self._place = found + 1
        return self._journal.events[found]


@dataclass(frozen=True, slots=True)
class _Opening:
    """How a call begins: who answers in which language, in which the caller is heard to speak, and what is said."""

    app: App
    language: str
    heard: str
    greeting: str
    still_there: str


def _opening(candidate: Candidate, app: App, scenario: Scenario) -> _Opening:
    rule, speaks = _rule_of_line(candidate, scenario), languages_of_call(candidate, app, scenario)
    said = app.said_in(speaks.first)
    own = None if rule is None or rule.greeting is None else in_language(rule.greeting, speaks.first)
    heard = speaks.find(scenario.language) if speaks.automatic and scenario.language else ""
    return _Opening(app, speaks.first, heard, said.greeting if own is None else own, said.still_there)


def _rule_of_line(candidate: Candidate, scenario: Scenario) -> LineRule | None:
    plan = Lines.of(candidate.app).plan
    return None if plan is None else plan.rules.get(scenario.line or plan.find(""))
