"""The history of a call: everything its journal says about it, as one immutable value.

`orchestra.history.reduce` builds it, one event at a time; `orchestra.history.views` derives answers from it. Times in
``…_s`` are seconds on the call's clock, which starts with `CallStarted`; ``…_at`` are epoch seconds, ``…_ms``
milliseconds.
"""

from typing import Any, Literal

import msgspec

from orchestra.history.call_record import CallRecord
from orchestra.history.resume import ResumeState
from orchestra_schemas import (
    CallAnalysed,
    CallEnded,
    CallStarted,
    Event,
    PromptCompleted,
    PromptRequested,
    ToolCompleted,
    ToolRequested,
    TranscriptFinal,
    TurnCompleted,
    TurnMeasured,
    UserTurnEnded,
    Verdict,
)

Prediction = Literal["", "open", "hit", "resumed", "other_words"]
Closing = Literal["", "ended", "transferred"]


class PromptStep(msgspec.Struct, frozen=True):
    """A prompt and the model's answer; either is None if the journal lacks it. The messages are left out."""

    requested: PromptRequested | None = None
    completed: PromptCompleted | None = None


class ToolStep(msgspec.Struct, frozen=True):
    """A tool call and its result; either is None if the journal lacks it."""

    requested: ToolRequested | None = None
    completed: ToolCompleted | None = None

    @property
    def name(self) -> str:
        """The tool's name."""
        known = self.requested or self.completed
        return known.name if known is not None else ""


class Sentence(msgspec.Struct, frozen=True):
    """A sentence that was played to its end, and the time of that end."""

    text: str
    played_s: float


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One turn: the caller's words until they waited for a reply, and the reply. Number 0 is the greeting.

    Attributes:
        number: of the caller's turn.
        transcript: the caller's words as the STT engine recognized them.
        finals: the final transcripts of the engine that make up ``transcript``.
        confidence: the engine's lowest of this turn, 0–1.
        said_from_s: when the caller began to speak; None if they did not.
        said_to_s: when they stopped.
        ended: the event that ended the caller's turn.
        keys: keys that the caller pressed.
        agent: the agent that was responsible for the turn last.
        speaker: the agent whose words the caller heard last.
        prompts: prompts and answers, in order.
        tools: tool calls and results, in order.
        reply: the chunks of the reply, without fillers.
        reply_heard: the part of the reply that was played.
        last_heard: the same for its last part, as another edge may have continued the reply; None if no event reports
            it.
        sentences: sentences that were played to their end.
        heard_from_s: when the reply began to be heard; None if unknown.
        heard_to_s: when it ended.
        interrupted: the caller spoke over the reply.
        said_to: the operator who had the call when the caller's turn ended; empty: the words were for the agents.
        spoken_by: the operator whose words the caller heard, in the agent's voice; empty: they were the agents'.
        rules: rules of the app that stopped or changed something.
        closing: the agents ended or transferred the call in this turn.
        failed: the agents could not complete the turn.
        cancelled: why the turn was cancelled; empty if it was not.
        prediction: what became of the prediction that the turn is over; empty if there was none.
        discarded: the turn was predicted, and then the caller continued: it never took place.
        completed: the event with which the agents completed the turn.
        model: the model that gave the last answer.
        version: package and app that answered.
        latencies: the latency by stage until the reply was heard, once for each part of it.
        first_ms: end of the caller's turn → first chunk of the reply; None if unknown.
        answer_ms: end of the caller's turn → reply complete.
        said_index: where in the journal the caller's turn ended, counted in events from 0.
        reply_index: where in the journal the reply began.
        last_at: time of the turn's last event.

    """

    number: int
    transcript: str = ""
    finals: tuple[TranscriptFinal, ...] = ()
    confidence: float = 1.0
    said_from_s: float | None = None
    said_to_s: float | None = None
    ended: UserTurnEnded | None = None
    keys: str = ""
    agent: str = ""
    speaker: str = ""
    prompts: tuple[PromptStep, ...] = ()
    tools: tuple[ToolStep, ...] = ()
    reply: str = ""
    reply_heard: str = ""
    last_heard: str | None = None
    sentences: tuple[Sentence, ...] = ()
    heard_from_s: float | None = None
    heard_to_s: float | None = None
    interrupted: bool = False
    said_to: str = ""
    spoken_by: str = ""
    rules: tuple[str, ...] = ()
    closing: Closing = ""
    failed: bool = False
    cancelled: str = ""
    prediction: Prediction = ""
    discarded: bool = False
    completed: TurnCompleted | None = None
    model: str = ""
    version: str = ""
    latencies: tuple[TurnMeasured, ...] = ()
    first_ms: float | None = None
    answer_ms: float | None = None
    said_index: int | None = None
    reply_index: int | None = None
    last_at: float = 0.0

    @property
    def latency(self) -> TurnMeasured | None:
        """The latency, by stage, until the last part of the reply was heard."""
        return self.latencies[-1] if self.latencies else None


class CallHistory(msgspec.Struct, frozen=True, kw_only=True):
    """A call as its journal describes it, up to some event.

    Attributes:
        call: its id; empty before the first event.
        started: the event with which it began; None if the journal lacks it.
        greeting: the first words of the call.
        answered_variables: what the app knew of the call when it was asked.
        ended: the event with which it ended.
        analyses: what was found out about it afterwards, in order.
        turns: in the order of their numbers.
        agent: the agent that speaks with the caller.
        background: the agents' notes on the caller's earlier calls.
        version: package and app that answered last.
        model: the model that answered last.
        record: the call record.
        resume: the state that another edge needs to continue the call.
        milestones: events that a person wants to see, each with its index in the journal.
        first: the first event.
        events: number of events.
        clock_at: the zero of the call's clock.
        last_at: time of the last event.
        speaking_at: when the caller began to speak; None while they are silent.
        confidence: the STT engine's lowest since the caller's last turn ended.

    """

    call: str = ""
    started: CallStarted | None = None
    greeting: str = ""
    answered_variables: dict[str, Any] = {}
    ended: CallEnded | None = None
    analyses: tuple[CallAnalysed, ...] = ()
    turns: tuple[Turn, ...] = ()
    agent: str = ""
    background: str = ""
    version: str = ""
    model: str = ""
    record: CallRecord = CallRecord()
    resume: ResumeState = ResumeState()
    milestones: tuple[tuple[int, Event], ...] = ()
    first: Event | None = None
    events: int = 0
    clock_at: float = 0.0
    last_at: float = 0.0
    speaking_at: float | None = None
    confidence: float = 1.0

    @property
    def variables(self) -> dict[str, Any]:
        """What is known of the call, by name: given with it, or answered by its app, which counts where both are."""
        given = {} if self.started is None else self.started.variables
        return {**given, **self.answered_variables}

    @property
    def verdicts(self) -> dict[tuple[str, str], Verdict]:
        """The last verdict of each judge, by its name and version."""
        return {(each.judge, each.version): each for found in self.analyses for each in found.verdicts}

    def turn(self, number: int) -> Turn | None:
        """The turn of this number."""
        return next((turn for turn in reversed(self.turns) if turn.number == number), None)
