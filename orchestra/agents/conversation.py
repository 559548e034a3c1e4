"""What was said in a call, as the agents remember it: bounded, and limited to what the caller really heard.

Pure: no clock, no bus, no AutoGen. Stored as JSON in one field of the call's state.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from orchestra.agents.caller_notes import LONGEST_NOTE, quoted
from orchestra.agents.capture.dialogue import PendingCapture
from orchestra.agents.confirmation import PendingConfirmation
from orchestra.language import Language
from orchestra.language.registry import DEFAULT_CODE
from orchestra_schemas import AppChanged, LanguageChanged, Message, ToolCall

#: most messages and characters; the oldest turns are dropped first, the last one is always kept
_KEPT: Final = 60
_KEPT_CHARACTERS: Final = 24_000
#: most characters of one note on a dropped message, and of all notes
_NOTE: Final = 120
_NOTED_CHARACTERS: Final = 2_400
#: marks where the caller spoke over the agent
_CUT_OFF: Final = " —"
#: callers answer a question before its last words
_LAST_WORDS: Final = 2
#: the note of the app that had the call before
PASSED_ON: Final = "The caller was passed on to you by {app}, with this briefing: {briefing}"
#: the note of an operator who had taken the call over
HANDED_BACK: Final = "Until a moment ago the caller spoke with a colleague of yours, {operator}{agreed}."
#: the note of an operator who has chosen who answers from now on
CHOSEN: Final = "A colleague of yours, {operator}, has passed the caller on to {agent}{agreed}."
_AGREED: Final = ", who notes: {note}"
#: most whispers that wait for a turn, and notes of operators that are kept
_OPERATOR_NOTES: Final = 10
#: the result, for an agent, of a tool that it no longer waits for
STILL_RUNNING: Final = "The caller spoke before this had ended; its outcome is not known yet."


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message of the conversation and the turn in which it was said."""

    turn: int
    message: Message


class Conversation(msgspec.Struct, omit_defaults=True):
    """The agents' memory of one call.

    Attributes:
        agent: who speaks with the caller now.
        turn: number of the last finished turn (answered, cancelled or given up); -1 before the greeting.
        interrupted: number of the last turn whose reply the caller spoke over; -1 before that.
        confirmed: number of the last turn that was predicted and then ended as predicted; -1 before that.
        ended: the call is over.
        lines: what was said, oldest first.
        running: tool calls whose turn was cancelled before they ended: id of the request → id of the tool call.
        caller: the caller's number, E.164; empty if the carrier sent none.
        asked: the confirmation that the caller was last asked for, before a tool may run.
        capture: the value that the caller is being asked for.
        background: what is known of the caller's earlier calls.
        forgotten: notes on the messages that were dropped, a line each, oldest first.
        whispers: what operators have noted for the next turn.
        handed_back: notes of operators who had taken the call over, or passed the caller on, oldest first.
        held_by: the operator who has taken the call over, after the turn ``held_since``; empty: the agents have it.
        wanted_agent: who is to answer the next turn, because an operator has passed the caller on to them.
        greeted: the turn of the greeting of an app that an operator has passed the caller on to; -1: there is none.
            The edge says it in a turn of its own, whose number may be higher.
        call_state: what tools have noted for the rest of the call, by name.
        variables: what is known of the call since it began, by name.
        language: in which the call is held (BCP 47).
        language_before: the last turn in which agents changed the language, and the one in which that turn began.
        app: the app that answers, in this ``version``, since the call came on this ``line``; all three empty where one
            app answers everything.

    """

    agent: str
    turn: int = -1
    interrupted: int = -1
    confirmed: int = -1
    ended: bool = False
    lines: list[Line] = []
    running: dict[str, str] = {}
    caller: str = ""
    asked: PendingConfirmation | None = None
    capture: PendingCapture | None = None
    background: str = ""
    forgotten: list[str] = []
    whispers: list[str] = []
    handed_back: list[str] = []
    held_by: str = ""
    held_since: int = -1
    wanted_agent: str = ""
    greeted: int = -1
    call_state: dict[str, Any] = {}
    variables: dict[str, Any] = {}
    language: str = DEFAULT_CODE
    language_before: tuple[int, str] = (-1, "")
    app: str = ""
    version: str = ""
    line: str = ""

    @classmethod
    def decode(cls, stored: bytes) -> "Conversation":
        """Decode what `encode` returned."""
        return _decoder.decode(stored)

    def encode(self) -> bytes:
        """Encode as JSON, after dropping what is too old."""
        self._trim()
        return _encode(self)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages, oldest first."""
        return tuple(line.message for line in self.lines)

    @property
    def notes(self) -> str:
        """What agents should know in addition to the messages: earlier calls, and dropped messages of this one."""
        parts = [self.background] if self.background else []
        if self.forgotten:
            parts.append("\n".join(["Earlier in this call:", *self.forgotten]))
        if self.handed_back:
            parts.append("\n".join(self.handed_back))
        return "\n\n".join(parts)

    def add_greeting(self, text: str, *, caller: str = "", background: str = "") -> None:
        """The call has begun with this greeting of the agent; ``caller`` is the caller's number."""
        self.background = background
        self.turn = max(self.turn, 0)
        self.caller = caller
        self.add_first_words(text)

    def add_first_words(self, text: str) -> None:
        """The caller hears these words before any turn: the first, or those after their answer to them."""
        first = [line.message.content for line in self.lines if line.turn <= 0]
        if text and text not in first:
            self.lines.insert(len(first), Line(0, Message(role="assistant", content=text)))

    def change_language(self, changed: LanguageChanged) -> None:
        """The call goes on in another language."""
        by_agents = changed.reason in {"chosen", "agent"}
        if by_agents and self.language_before[0] != changed.turn:
            self.language_before = changed.turn, self.language
        self.language = changed.language

    def language_at(self, turn: int) -> str:
        """The language in which this turn begins, also for a worker that repeats it after agents have changed it."""
        of, language = self.language_before
        return language if of == turn else self.language

    def add_turn(self, turn: int, messages: Sequence[Message], *, agent: str, running: Mapping[str, str]) -> None:
        """Add a finished turn, however it ended.

        Every tool call gets an answer: models' servers refuse a conversation with an unanswered one.

        Args:
            turn: its number.
            messages: its messages, the caller's words first.
            agent: who speaks with the caller from here on.
            running: tool calls that may still be running: id of the request → id of the tool call.

        """
        self.turn = max(self.turn, turn)
        self.agent = agent
        answered = {message.tool_call_id for message in messages}
        unanswered = [call for message in messages for call in message.tool_calls if call.id not in answered]
        at = next((at for at, line in enumerate(self.lines) if line.turn >= turn), len(self.lines))
        self.lines[at:at] = [
            Line(turn, message) for message in (*messages, *(_tool_message(call, STILL_RUNNING) for call in unanswered))
        ]
        self.running.update(running)

    def pass_on(self, changed: AppChanged) -> None:
        """Another app has the call: of this one's work it gets the briefing, and the last words that the caller heard.

        What tools have noted, and what earlier calls are known, stays with the app that it belongs to.
        """
        self.app, self.version, self.agent = changed.app, changed.version, changed.agent
        said = [each.message.content for each in self.lines if each.turn == changed.turn and _is_speech(each.message)]
        greeted = changed.turn + 1 if changed.operator else changed.turn
        words = [(changed.turn, text) for text in said] + [(greeted, changed.greeting)] * bool(changed.greeting)
        self.lines = [Line(turn, Message(role="assistant", content=text)) for turn, text in words]
        self.greeted = greeted if changed.operator and changed.greeting else -1
        self.background = PASSED_ON.format(app=changed.previous, briefing=quoted(changed.briefing or "nothing more"))
        self.drop_questions()
        self.running, self.forgotten, self.call_state = {}, [], {}
        self.handed_back, self.wanted_agent, self.held_by = [], "", ""

    def forget_unsaid_greeting(self, turn: int) -> None:
        """The caller's turn of this number is answered: a greeting that was to come before it was never said."""
        if self.greeted >= turn:
            self.lines = [line for line in self.lines if line.turn != self.greeted]
            self.greeted = -1

    def add_operator_words(self, turn: int, text: str) -> None:
        """An operator has said this in the agents' voice, in a turn of its own."""
        self.drop_questions()  # what the caller says next answers the operator
        said = Line(turn, Message(role="assistant", content=text))
        if said not in self.lines:  # a turn before it may still be answered, by another worker
            self.lines.insert(self._end_of(turn), said)

    def drop_questions(self) -> None:
        """Nothing that the caller says from here on answers what the agents have asked before."""
        self.asked = self.capture = None

    def whisper(self, note: str) -> None:
        """An operator has a note for the next turn."""
        if note.strip():
            self.whispers = [*self.whispers, note][-_OPERATOR_NOTES:]

    def forget_whispers(self, used: Sequence[str]) -> None:
        """These, the oldest, have had their turn; some may have made room for newer ones meanwhile."""
        for note in used:
            if self.whispers[:1] == [note]:
                del self.whispers[0]

    def give_to(self, operator: str) -> None:
        """An operator has taken the call over; the first one has it."""
        self.drop_questions()  # a yes to the operator is none to what the agents asked before
        if not self.held_by:
            self.held_by, self.held_since = operator, self.turn

    def take_back_from(self, operator: str) -> None:
        """An operator has left; if they had the call and the caller spoke with them, the agents know that."""
        if operator != self.held_by:
            return
        if self.turn > self.held_since:
            self.take_back(operator, "")
        self.held_by = ""

    def take_back(self, operator: str, note: str) -> None:
        """An operator, who had taken the call over, has handed it back with this note."""
        if self.held_by not in {"", operator}:
            return  # it was not theirs
        self.held_by = ""
        self._note(HANDED_BACK.format(operator=quoted(operator), agreed=_agreed(note)))

    def pass_to_agent(self, agent: str, operator: str, briefing: str) -> None:
        """An operator wants this agent to answer from the next turn on."""
        if self.held_by == operator:
            self.held_by = ""
        self.wanted_agent = agent
        self._note(CHOSEN.format(operator=quoted(operator), agent=agent, agreed=_agreed(briefing)))

    def _note(self, said: str) -> None:
        self.handed_back = [*self.handed_back, said][-_OPERATOR_NOTES:]

    def said_since(self, turn: int, text: str) -> str:
        """Everything that the caller has said since this turn; ``text`` is the latest of it."""
        return " ".join([*(said for _, said in self.turns_since(turn)), text])

    def turns_since(self, turn: int) -> tuple[tuple[int, str], ...]:
        """What the caller has said since this turn, each with its turn."""
        return tuple(
            (line.turn, line.message.content) for line in self.lines if line.turn > turn and line.message.role == "user"
        )

    def mark_interrupted(self, turn: int) -> None:
        """The caller spoke over this turn's reply: the turn is not answered if it is run again."""
        self.interrupted = max(self.interrupted, turn)

    def discard_turn(self, turn: int) -> None:
        """The caller went on after this turn was predicted: nothing of it is kept."""
        self.turn = max(self.turn, turn)

    def record_late_result(self, request: str, result: str) -> bool:
        """A tool call of a cancelled turn has ended after all. Returns whether the conversation waited for it."""
        call_id = self.running.pop(request, None)
        for at, line in enumerate(self.lines):
            if call_id is not None and line.message.tool_call_id == call_id:
                self.lines[at] = Line(line.turn, msgspec.structs.replace(line.message, content=result))
        return call_id is not None

    def truncate_reply(self, turn: int, text: str, language: Language) -> None:
        """Reduce the reply of ``turn`` to ``text``, the part that the caller heard before speaking over it."""
        if self.asked is not None and self.asked.turn == turn and not _nearly_all(self.asked.question, text, language):
            self.asked = None  # callers cannot agree to a question that they have not heard
        if (
            self.capture is not None
            and self.capture.turn == turn
            and not _nearly_all(self.capture.said, text, language)
        ):
            self.capture = msgspec.structs.replace(self.capture, unheard=True)
        rest = text.strip()
        if self._is_greeting(turn, rest):
            turn = self.greeted
        said = [at for at, line in enumerate(self.lines) if line.turn == turn and _is_speech(line.message)]
        for at in said[:-1]:
            spoken = self.lines[at].message.content.strip()
            if not rest.startswith(spoken):
                self._cut_at(at, rest, said)
                return
            rest = rest.removeprefix(spoken).lstrip()
        if said:
            self._cut_at(said[-1], rest, said)
        elif rest:
            self.lines.insert(self._end_of(turn), Line(turn, Message(role="assistant", content=rest + _CUT_OFF)))

    def _is_greeting(self, turn: int, heard: str) -> bool:
        """Whether this was heard of the greeting, which nothing has followed yet."""
        last = self.lines[-1] if self.lines else None
        return last is not None and last.turn == self.greeted < turn and last.message.content.startswith(heard)

    def _cut_at(self, at: int, heard: str, said: list[int]) -> None:
        """Shorten the message at ``at`` to what was heard, and empty those after it."""
        if heard != self.lines[at].message.content.strip():
            self._say(at, heard + _CUT_OFF if heard else "")
        for later in (index for index in said if index > at):
            self._say(later, "")
        self.lines = [line for line in self.lines if line.message.role != "assistant" or _says_or_does(line.message)]

    def _say(self, at: int, text: str) -> None:
        line = self.lines[at]
        self.lines[at] = Line(line.turn, msgspec.structs.replace(line.message, content=text))

    def _end_of(self, turn: int) -> int:
        return next((at for at, line in enumerate(self.lines) if line.turn > turn), len(self.lines))

    def _trim(self) -> None:
        """Drop the oldest turns, only as a whole: a tool's answer must not remain without its call."""
        starts = [at for at, line in enumerate(self.lines) if line.message.role == "user"]
        left, size = len(self.lines), _characters(self.lines)
        forgotten = 0
        for start in starts:
            if left - forgotten <= _KEPT and size <= _KEPT_CHARACTERS:
                break
            size -= _characters(self.lines[forgotten:start])
            forgotten = start
        self.forgotten += (note for line in self.lines[:forgotten] if (note := _note(line.message)))
        while len(self.forgotten) > 1 and sum(map(len, self.forgotten)) > _NOTED_CHARACTERS:
            del self.forgotten[0]
        del self.lines[:forgotten]


def update_call_state(state: dict[str, Any], noted: Mapping[str, Any]) -> None:
    """Apply a tool's changes to the call's state; None removes a name."""
    for name, value in noted.items():
        if value is None:
            state.pop(name, None)
        else:
            state[name] = value


def _agreed(note: str) -> str:
    return _AGREED.format(note=quoted(note, LONGEST_NOTE)) if note.strip() else ""


def _note(message: Message) -> str:
    """A short line about a dropped message; empty if it needs none."""
    text = " ".join(message.content.split())
    short = text if len(text) <= _NOTE else f"{text[:_NOTE]}…"
    if not short or message.role == "system":
        return ""
    if message.role == "tool":
        return f"- {message.name}: {short}"
    return f"- caller: {short}" if message.role == "user" else f"- you: {short}"


def _characters(lines: Sequence[Line]) -> int:
    return sum(len(line.message.content) for line in lines)


def _nearly_all(question: str, heard: str, language: Language) -> bool:
    """Whether a question was heard up to its last words, before which people begin to answer."""
    asked = language.words(question)
    return " ".join(asked[: max(1, len(asked) - _LAST_WORDS)]) in " ".join(language.words(heard))


def _is_speech(message: Message) -> bool:
    return message.role == "assistant" and bool(message.content)


def _says_or_does(message: Message) -> bool:
    return bool(message.content or message.tool_calls)


def _tool_message(call: ToolCall, text: str) -> Message:
    return Message(role="tool", name=call.name, content=text, tool_call_id=call.id)


_decoder = msgspec.json.Decoder(Conversation)
_encode = msgspec.json.Encoder().encode
