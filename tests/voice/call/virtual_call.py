"""A conversation on a clock of its own: minutes of a call, with whatever fails in it, pass in milliseconds."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from orchestra.history.ending import Ending
from orchestra.voice.audio.call_audio import CallAudio
from orchestra.voice.call.actions import (
    ClearAudio,
    PauseAudio,
    PrepareSpeech,
    ResumeAudio,
    Say,
    SayAtOnce,
    SendMark,
    Speech,
)
from orchestra.voice.call.conversation import Conversation
from orchestra_schemas import Event, PromptRequested, ReplyChunk, ToolRequested, TurnCompleted

HOLDING, APOLOGY, ANSWER = "Just a moment.", "Sorry, say that again.", "It is in Denver."
TICK_S = 0.2
WORD_S = 0.4
#: a reply that is held goes on if no words have come so long after the caller's voice ended
HOLD_S = 0.5
#: Pipecat ends a turn in which no word was heard so long after its last moment
WORDLESS_S = 4.0


@dataclass
class Clock:
    """A clock that a test sets; a call begins at 1000 s."""

    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


@dataclass
class VirtualCall:
    """A caller, Pipecat's rules for their turns, and a line that plays each word in 0.4 seconds.

    ``heard`` are the texts whose sound began, each with its seconds into the call. The speech engine takes
    ``voice_late_s`` for its first sound after a silence; phrases that are rendered beforehand sound at once.
    """

    clock: Clock = field(default_factory=Clock)
    journal: list[Event] = field(default_factory=list)
    heard: list[tuple[float, str]] = field(default_factory=list)
    on_its_way: list[Speech] = field(default_factory=list)
    voice_late_s: float = 0.0
    bridges: tuple[str, ...] = ()
    bridge_after_s: float = 1.5
    voice_at: float = 0.0
    prepared_at: float = 0.0  # when the speech that is held will be there; 0: none is
    sounds_until: float = 0.0
    finished_at: float = 0.0
    held_s: float | None = None  # while the audio is held: how much of it was not played
    turn_open: bool = False
    turn_moment: float = 0.0

    def __post_init__(self) -> None:
        self.audio = CallAudio(self.clock.monotonic)
        self.conversation = Conversation(
            "call",
            "script",
            self.audio,
            publish=self.journal.append,
            speak=self.speak,
            end=self.end,
            holding=HOLDING,
            bridges=self.bridges,
            bridge_after_s=self.bridge_after_s,
            apology=APOLOGY,
            clock=self.clock,
        )

    # -- the line

    def speak(self, speech: Speech) -> None:
        match speech:
            case ClearAudio():
                self.clear()
            case PauseAudio() if self.held_s is None:
                self.held_s = self.audio.pause() / 1000
            case ResumeAudio() if self.held_s is not None:
                left_s = self.held_s + self.audio.rewind(1000.0) / 1000
                self.held_s = None
                self.audio.take_agent_frame(np.full(round(left_s * 8000), 8000, np.int16).tobytes())
                self.sounds_until = self.clock.now + left_s
                if left_s > 0:
                    self.heard.append((round(self.clock.now - 1000, 1), self.heard[-1][1]))
            case PauseAudio() | ResumeAudio():
                pass
            case SayAtOnce(text):
                self.conversation.on_phrase_interjected(text)
                self._sound(text)
            case PrepareSpeech():
                self.prepared_at = self.clock.now + self.voice_late_s
            case Say() if self.prepared_at:
                self.voice_at, self.prepared_at = self.prepared_at, 0.0
                self.on_its_way.append(speech)
            case _:
                if not self.on_its_way:
                    self.voice_at = self.clock.now + self.voice_late_s
                self.on_its_way.append(speech)

    def end(self, ending: Ending) -> None:
        pytest.fail(f"nobody asked for the end of the call: {ending}")

    def clear(self) -> None:
        self.on_its_way, self.sounds_until, self.held_s, self.prepared_at = [], 0.0, None, 0.0
        self.audio.clear()
        self.conversation.cleared()

    def _play(self) -> None:
        now = self.clock.now
        if self.held_s is not None:
            return
        while self.on_its_way and now >= max(self.sounds_until, self.voice_at):
            match self.on_its_way.pop(0):
                case Say(text=text):
                    self._sound(text)
                case SendMark(name):
                    self.conversation.mark_returned(name)
                case _:
                    pass
        if now < self.sounds_until:
            self.conversation.on_audio_sent()

    def _sound(self, text: str) -> None:
        words = text.split()
        place = f"{len(self.heard)}"
        self.heard.append((round(self.clock.now - 1000, 1), text))
        self.conversation.on_tts_audio()
        self.audio.playback.begin_speech(place)
        for number, word in enumerate(words):
            self.audio.playback.place_word(place, word, number * WORD_S * 1000)
        self.audio.playback.queue_audio(place, len(words) * WORD_S * 1000)
        self.audio.take_agent_frame(np.full(round(len(words) * WORD_S * 8000), 8000, np.int16).tobytes())
        self.sounds_until = self.clock.now + len(words) * WORD_S

    # -- time

    def wait(self, seconds: float) -> None:
        """So much time passes; the edge looks after the caller each 200 ms."""
        for _ in range(round(seconds / TICK_S)):
            self.clock.now += TICK_S
            self._play()
            if self.held_s is not None and self.clock.now - self.turn_moment > HOLD_S:
                self.conversation.pause_expired()
            if self.turn_open and not self.conversation.voice_on and self.clock.now - self.turn_moment > WORDLESS_S:
                self.turn_ends("")
            self.conversation.check_wait(away=False)

    def stall(self, seconds: float) -> None:
        """The edge stands still for so long."""
        self.clock.now += seconds
        self.conversation.note_stall(seconds)

    # -- the caller

    def voice_starts(self) -> None:
        self.turn_moment = self.clock.now
        self.conversation.speech_started(self.clock.now)
        if not self.turn_open:
            self._turn_starts()

    def voice_ends(self) -> None:
        self.turn_moment = self.finished_at = self.clock.now
        self.conversation.speech_ended(self.clock.now)

    def says(self, text: str = "", *, seconds: float = 1.0) -> None:
        """The caller speaks, and the engine hears these words at once; none: it hears nothing."""
        self.voice_starts()
        self.wait(seconds)
        self.voice_ends()
        if text:
            self.words_come(text)

    def words_come(self, text: str) -> None:
        self.conversation.final(text)
        if not self.turn_open:  # late words are a turn of their own
            self._turn_starts()
        self.turn_ends(text)

    def _turn_starts(self) -> None:
        self.turn_open = True
        if not self.conversation.caller_started():
            self.clear()

    def turn_ends(self, text: str) -> None:
        self.turn_open = False
        self.conversation.caller_stopped()
        self.conversation.turn_ended(text)

    # -- the agents

    def works(self, tool: str = "") -> None:
        turn = self.conversation.turns.turn
        if tool:
            self.conversation.take(ToolRequested(call="call", turn=turn, agent="tracking", name=tool, tool_call_id="1"))
        else:
            self.conversation.take(PromptRequested(call="call", turn=turn, agent="tracking"))

    def answers(self, text: str = ANSWER) -> None:
        turn = self.conversation.turns.turn
        if text:
            self.conversation.take(ReplyChunk(call="call", turn=turn, text=text, agent="tracking"))
        self.conversation.take(TurnCompleted(call="call", turn=turn, agent="tracking", text=text))

    def heard_since(self, moment: float) -> list[tuple[float, str]]:
        """What began to sound after this moment, with the seconds from it."""
        return [(round(at - (moment - 1000), 1), text) for at, text in self.heard if at >= moment - 1000]


@pytest.fixture
def call() -> VirtualCall:
    return VirtualCall()
