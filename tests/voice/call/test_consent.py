"""Consent to the recording, on a clock of its own: told or asked, before any of the caller's audio is kept."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from orchestra.bus.stream.encode import fill_header
from orchestra.history.call_record import CallRecord
from orchestra.history.recording_consent import why_not_recorded
from orchestra.history.reduce import history_of
from orchestra.history.resume import ResumeState
from orchestra.lines import LinePlan, LineRule
from orchestra.settings import Settings
from orchestra.voice.call.actions import ClearAudio, Say, SendMark, Speech
from orchestra.voice.call.call import Call
from orchestra.voice.call.script import Script
from orchestra.voice.carriers.port import AudioReceived, Parties
from orchestra.voice.edge.answering import Answering
from orchestra_schemas import (
    AudioChunk,
    CallAnswered,
    CallEnded,
    CallGreeted,
    CallStarted,
    ConsentGiven,
    ConsentRefused,
    Event,
    OperatorHandedBack,
    OperatorJoined,
    OperatorTookOver,
    ReplyChunk,
    TranscriptFinal,
    TranscriptPartial,
    UserTurnEnded,
)
from tests.voice.call.virtual_call import Clock
from tests.voice.edges import Greeting

FRAME_S, WORD_S = 0.02, 0.2
SOUND = np.full(160, 8000, np.int16).tobytes()
NOTICE, QUESTION, GREETING = "This call is recorded.", "May we record this call?", "How can I help?"
TOLD = Script(app="a", greeting=GREETING, holding="", max_call_s=900.0, caller_silence_s=60.0, consent=NOTICE)
ASKED = Script(
    app="a", greeting=GREETING, holding="", max_call_s=900.0, caller_silence_s=60.0, consent=QUESTION,
    asks_consent=True, not_recorded="It is not recorded.",
)  # fmt: skip


class Journal:
    """Takes the place of an edge's publisher."""

    connected, unanswered_s = True, 0.0

    def __init__(self, clock: Clock) -> None:
        self.events: list[Event] = []
        self._clock = clock

    def publish(self, event: Event, *, even_if_replaced: bool = False) -> Event:  # noqa: ARG002 - the only one
        stored = fill_header(event, f"{event.call}:{len(self.events)}", self._clock.now, "edge", event.cause)
        self.events.append(stored)
        return stored

    def use_version(self, call: str, version: str) -> None: ...

    def forget(self, call: str) -> None: ...


@dataclass
class ConsentCall:
    """A call whose caller always makes a sound, on a line that plays each word in 0.2 seconds."""

    script: Script
    state: ResumeState | None = None
    parties: Parties = field(default_factory=lambda: Parties(call="07-1", provider_call="CA1"))
    listened: list[bytes] = field(default_factory=list)
    on_its_way: list[Speech] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    sounds_until: float = 0.0

    def __post_init__(self) -> None:
        self.clock = Clock()
        self.journal = Journal(self.clock)
        publisher: Any = self.journal
        self.call = Call(
            self.parties, self.script, "a/b", publisher, self._speak, resume_state=self.state, clock=self.clock
        )
        self.call.started()
        self.call.greet()

    def _speak(self, speech: Speech) -> None:
        if isinstance(speech, ClearAudio):
            self.on_its_way, self.sounds_until = [], 0.0
            self.call.audio.clear()
            self.call.conversation.cleared()
        else:
            self.on_its_way.append(speech)

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds / FRAME_S)):
            self.clock.now += FRAME_S
            while self.on_its_way and self.clock.now >= self.sounds_until:
                match self.on_its_way.pop(0):
                    case Say(text=text):
                        self._sound(text)
                    case SendMark(name):
                        self.call.take_mark(name)
                    case _:
                        pass
            self.listened.append(self.call.take_audio(AudioReceived(SOUND)))
            self.call.tick()

    def _sound(self, text: str) -> None:
        self.said.append(text)
        words, playback = text.split(), self.call.audio.playback
        playback.begin_speech(text)
        for number, word in enumerate(words):
            playback.place_word(text, word, number * WORD_S * 1000)
        playback.queue_audio(text, len(words) * WORD_S * 1000)
        self.call.audio.take_agent_frame(np.full(round(len(words) * WORD_S * 8000), 8000, np.int16).tobytes())
        self.sounds_until = self.clock.now + len(words) * WORD_S

    def says(self, text: str) -> None:
        conversation = self.call.conversation
        conversation.speech_started(self.clock.now)
        if not conversation.caller_started():
            self._speak(ClearAudio())
        conversation.partial(text)
        self.wait(0.4)
        conversation.speech_ended(self.clock.now)
        conversation.final(text)
        conversation.caller_stopped()
        conversation.turn_ended(text)

    def ends(self) -> None:
        self.call.ended("caller_hung_up")

    def of(self, *kinds: type[Event]) -> list[Any]:
        return [event for event in self.journal.events if isinstance(event, kinds)]

    def heard(self, *, kept: bool) -> bool:
        """Whether any of the caller's voice is on the media stream as what is, or is not, to be kept."""
        return any(loud(each) for each in self.of(AudioChunk) if each.speaker == "caller" and each.kept is kept)

    def kept(self, speaker: str) -> list[AudioChunk]:
        return [chunk for chunk in self.of(AudioChunk) if chunk.speaker == speaker and chunk.kept]

    @property
    def record(self) -> CallRecord:
        return history_of(self.journal.events).record


def loud(chunk: AudioChunk) -> bool:
    return any(chunk.audio)


async def test_a_notice_is_said_whole_and_nothing_of_the_caller_is_heard_or_kept_before() -> None:
    call = ConsentCall(TOLD)
    call.wait(0.7)
    assert not any(map(any, call.listened))
    call.wait(2.3)
    (given,) = call.of(ConsentGiven)
    assert given.by == "notice"
    assert call.said == [NOTICE, GREETING]
    assert any(call.listened[-1])
    heard_ms = (given.at - 1000) * 1000
    assert 700 < heard_ms < 1100
    assert [loud(chunk) for chunk in call.kept("caller")] == [c.offset_ms >= heard_ms for c in call.kept("caller")]
    assert any(map(loud, call.kept("caller")))
    assert any(loud(chunk) for chunk in call.kept("agent") if chunk.offset_ms < heard_ms)  # the notice is recorded
    assert (call.of(CallStarted)[0].recording, call.record.recording_mode) == ("told", "on")


@pytest.mark.parametrize(
    ("answer", "language", "given"),
    [
        ("yes", "en", True), ("Yes, that's fine.", "en", True), ("no", "en", False), ("No, thank you.", "en", False),
        ("sí, claro", "es", True), ("no", "es", False), ("ja gerne", "de", True), ("nein", "de", False),
        ("oui", "fr", True), ("non merci", "fr", False), ("sì", "it", True), ("no grazie", "it", False),
        ("sim", "pt", True), ("não", "pt", False), ("ja", "nl", True), ("nee", "nl", False),
    ],
)  # fmt: skip
async def test_a_caller_answers_the_question_in_words(answer: str, language: str, given: bool) -> None:
    call = ConsentCall(replace(ASKED, language=language))
    call.wait(1.4)
    assert call.said == [QUESTION]
    assert not call.of(AudioChunk)
    call.says(answer)
    call.wait(3.0)
    (event,) = call.of(ConsentGiven, ConsentRefused)
    assert (isinstance(event, ConsentGiven), event.by, event.heard) == (given, "words", answer)
    assert call.said[1:] == [GREETING if given else f"It is not recorded. {GREETING}"]
    assert [greeted.greeting for greeted in call.of(CallGreeted)] == call.said[1:]
    assert not call.of(UserTurnEnded)
    assert call.of(TranscriptFinal)
    assert bool(call.of(AudioChunk)) is given
    assert not call.of(TranscriptPartial)
    assert all(chunk.offset_ms > 1000 for chunk in call.of(AudioChunk))


@pytest.mark.parametrize(("key", "given"), [("1", True), ("2", False)])
async def test_or_by_a_key_also_into_the_question(key: str, given: bool) -> None:
    call = ConsentCall(ASKED)
    call.wait(0.5)
    call.call.take_digit(key)
    call.wait(2.5)
    (event,) = call.of(ConsentGiven, ConsentRefused)
    assert (isinstance(event, ConsentGiven), event.by, event.heard) == (given, "key", key)
    assert call.said[-1].endswith(GREETING)
    assert call.record.recording_mode == ("on" if given else "refused")


async def test_who_says_something_else_is_asked_again_and_then_served_without_a_recording() -> None:
    call = ConsentCall(ASKED)
    call.wait(1.4)
    call.says("where is my parcel")
    call.wait(1.6)
    assert call.said == [QUESTION, QUESTION]
    call.says("the parcel 4271")
    (refused,) = call.of(ConsentRefused)
    assert (refused.by, [turn.text for turn in call.of(UserTurnEnded)]) == ("nothing", ["the parcel 4271"])
    call.wait(1.0)
    assert not call.of(AudioChunk)


async def test_who_says_nothing_is_asked_again_and_then_greeted() -> None:
    call = ConsentCall(ASKED)
    call.wait(9.0)
    assert call.said == [QUESTION, QUESTION]
    call.wait(8.0)
    assert call.said[2:] == [f"It is not recorded. {GREETING}"]
    assert [refused.by for refused in call.of(ConsentRefused)] == ["nothing"]


async def test_a_consent_that_is_withdrawn_ends_the_recording_and_not_the_call() -> None:
    call = ConsentCall(TOLD)
    call.wait(3.0)
    before = len(call.of(AudioChunk))
    call.call.take_event(ConsentRefused(call="07-1", id="x"))
    call.wait(1.0)
    call.call.take_event(ConsentGiven(call="07-1", id="y"))  # a refusal is final
    call.says("go on")
    call.wait(1.0)
    assert len(call.of(AudioChunk)) == before
    assert not call.call.over.done()
    assert call.of(UserTurnEnded)


@pytest.mark.parametrize("refused", [False, True])
async def test_an_operator_who_speaks_hears_a_caller_who_is_not_recorded_but_none_who_only_listens(
    refused: bool,
) -> None:
    call = ConsentCall(TOLD if refused else TOLD.unrecorded)
    call.wait(3.0)
    if refused:
        call.call.take_event(ConsentRefused(call="07-1", id="x"))
    call.call.take_event(OperatorJoined(call="07-1", operator="ann", listens=True, console="c", id="1"))
    begun = len(call.of(AudioChunk))
    call.wait(1.0)
    assert (len(call.of(AudioChunk)) > begun) is not refused
    call.call.take_event(OperatorTookOver(call="07-1", operator="ann", id="2"))
    begun = len(call.of(AudioChunk))
    call.wait(1.0)
    assert len(call.of(AudioChunk)) > begun
    assert not any(chunk.kept for chunk in call.of(AudioChunk)[begun:])


@pytest.mark.parametrize("answer", ["", "yes", "no"])
async def test_the_edge_that_takes_the_call_over_knows(answer: str) -> None:
    first = ConsentCall(ASKED)
    first.wait(1.4)
    if answer:
        first.says(answer)
    second = ConsentCall(ASKED, history_of(first.journal.events).resume)
    second.wait(3.0)
    expected = {"": QUESTION, "yes": GREETING, "no": f"It is not recorded. {GREETING}"}
    assert second.said == [expected[answer]]
    assert bool(second.of(AudioChunk)) is (answer == "yes")
    second.says("yes")
    second.wait(2.0)
    assert bool(second.of(AudioChunk)) is (answer != "no")
    assert len(second.of(ConsentGiven)) == (not answer)


async def test_a_notice_that_an_edge_has_not_finished_is_said_by_the_next() -> None:
    first = ConsentCall(TOLD)
    first.wait(0.4)
    second = ConsentCall(TOLD, history_of(first.journal.events).resume)
    second.wait(3.0)
    assert second.said[0].startswith(NOTICE)
    assert len(second.of(ConsentGiven)) == 1


@pytest.mark.parametrize("mode", ["off", "asked", "refused"])
async def test_a_record_says_why_there_is_no_recording(mode: str) -> None:
    call = ConsentCall({"off": TOLD.unrecorded}.get(mode, ASKED))
    call.wait(1.4)
    if mode == "refused":
        call.says("no")
    call.ends()
    assert call.record.recording_mode == mode
    assert why_not_recorded(mode)
    assert isinstance(call.journal.events[-1], CallEnded)
    assert not call.of(AudioChunk)


def test_settings_apps_and_lines_say_what_is_told_asked_and_recorded() -> None:
    def script(app: Greeting, line: LineRule | None = None, **settings: Any) -> Script:
        plan = None if line is None else LinePlan(rules={"*": line})
        return Answering(Settings(**settings), [app], plan).begin(Parties(call="c", provider_call=""), 0.0)

    both = {"en": "Recorded.", "de": "Aufgezeichnet."}
    of_settings = script(Greeting(), recording_consent=both, recording_consent_asked=True)
    assert (of_settings.consent, of_settings.recording_mode) == ("Recorded.", "asked")
    assert script(Greeting(), recording_consent={"de": "Aufgezeichnet."}).consent == "Aufgezeichnet."
    own = Greeting(consent="May we?", asks_consent=True)
    assert script(own, recording_consent=both).recording_mode == "asked"
    assert script(Greeting(consent=""), recording_consent=both).recording_mode == "on"
    assert script(own, record=False).recording_mode == script(Greeting(records=False)).recording_mode == "off"
    line = LineRule(versions=((("test", "0"), 1.0),), consent="On this line.")
    assert script(own, line).consent == "On this line."
    assert script(Greeting(), LineRule(versions=line.versions, recording=False)).recording_mode == "off"


def test_a_setting_takes_a_text_or_one_for_each_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRA_RECORDING_CONSENT", '{"en": "Recorded.", "de": "Aufgezeichnet."}')
    monkeypatch.setenv("ORCHESTRA_RECORD", "off")
    assert Settings().recording_consent == {"en": "Recorded.", "de": "Aufgezeichnet."}
    assert Settings().record is False
    monkeypatch.setenv("ORCHESTRA_RECORDING_CONSENT", "This call is recorded.")
    assert Settings().recording_consent == "This call is recorded."


ROBOT = "Hi, if you record your name and reason for calling, I'll see if this person is available."


PLACED = Parties(call="07-1", provider_call="CA1", direction="outbound")


@pytest.mark.parametrize("hello", ["Hello?", "Yes? Who is it?"])
async def test_a_robot_that_screens_a_call_is_told_who_calls_and_the_person_is_asked(hello: str) -> None:
    call = ConsentCall(replace(ASKED, introduction="Acme about a parcel."), parties=PLACED)
    call.wait(0.5)
    call.says(ROBOT)
    call.wait(1.5)
    call.says(hello)
    call.wait(1.5)
    assert call.said == [QUESTION, "Acme about a parcel.", QUESTION]
    assert not call.of(AudioChunk)
    call.says("yes")
    call.wait(1.0)
    assert [given.by for given in call.of(ConsentGiven)] == ["words"]
    assert call.said[3:] == [GREETING]


async def test_who_is_called_and_says_hello_into_the_notice_hears_it_again() -> None:
    call = ConsentCall(TOLD, parties=PLACED)
    call.wait(0.4)
    call.says("Hello?")
    call.call.take_event(ReplyChunk(call="07-1", turn=1, text="Good day.", id="r"))
    call.wait(2.0)
    assert call.said == [NOTICE, NOTICE, "Good day."]
    assert len(call.of(ConsentGiven)) == 1


@pytest.mark.parametrize("hello", ["Yes?", "No."])
async def test_what_is_said_into_the_question_is_no_answer_to_it(hello: str) -> None:
    call = ConsentCall(ASKED, parties=PLACED)
    call.wait(0.3)
    call.says(hello)
    call.wait(1.6)
    assert call.said == [QUESTION, QUESTION]
    assert not call.of(ConsentGiven, ConsentRefused, AudioChunk)
    call.says("yes")
    call.wait(1.0)
    assert [given.heard for given in call.of(ConsentGiven)] == ["yes"]
    assert call.said[2:] == [GREETING]


@pytest.mark.parametrize("script", [TOLD, ASKED])
async def test_a_machine_agrees_to_nothing(script: Script) -> None:
    call = ConsentCall(replace(script, voicemail="Please call us back on our usual number."), parties=PLACED)
    call.wait(0.9 if script is ASKED else 0.3)
    call.call.take_event(CallAnswered(call="07-1", by="machine", id="a"))
    call.wait(0.5)
    call.says("yes please leave a message")
    call.call.take_digit("1")
    call.wait(4.0)
    assert call.call.over.done()
    assert not call.of(ConsentGiven, ConsentRefused)
    assert not call.heard(kept=True)
    assert bool(call.of(AudioChunk)) is (script is TOLD)  # what was said to it


@pytest.mark.parametrize("script", [TOLD, ASKED])
async def test_an_operator_who_steps_into_the_first_words_hears_the_caller_and_nobody_keeps_it(script: Script) -> None:
    call = ConsentCall(script)
    call.wait(0.3)
    call.call.take_event(OperatorTookOver(call="07-1", operator="ann", id="1"))
    call.wait(0.6)
    call.says("yes")
    call.call.take_digit("1")
    call.wait(0.6)
    assert call.heard(kept=False)
    call.call.take_event(OperatorHandedBack(call="07-1", operator="ann", id="2"))
    call.wait(0.6)
    assert not call.of(ConsentGiven)
    assert not call.heard(kept=True)
    call.says("yes")  # to what the operator has said, before the question or the notice is said again
    call.wait(1.4)
    assert call.said[1] == script.consent
    call.says("yes")
    call.wait(1.4)
    assert len(call.of(ConsentGiven)) == 1


async def test_a_consent_withdrawn_while_an_operator_has_the_call_ends_what_is_kept_and_not_what_they_hear() -> None:
    call = ConsentCall(TOLD)
    call.wait(3.0)
    call.call.take_event(OperatorTookOver(call="07-1", operator="ann", id="1"))
    call.wait(0.6)
    assert call.heard(kept=True)
    call.call.take_event(ConsentRefused(call="07-1", id="2"))
    begun = len(call.of(AudioChunk))
    call.wait(0.6)
    assert {chunk.kept for chunk in call.of(AudioChunk)[begun:]} == {False}
    call.call.take_event(OperatorHandedBack(call="07-1", operator="ann", id="3"))
    begun = len(call.of(AudioChunk))
    call.wait(0.6)
    assert len(call.of(AudioChunk)) == begun


@pytest.mark.parametrize("answer", ["", "no"])
async def test_a_person_who_joins_a_caller_who_has_not_agreed_hears_them_and_neither_is_kept(answer: str) -> None:
    call = ConsentCall(ASKED)
    call.wait(1.4)
    if answer:
        call.says(answer)
        call.wait(2.0)
    call.call.conversation.on_held = call.call.on_held
    call.call.take_event(OperatorTookOver(call="07-1", operator="+15550100200", id="1"))
    call.wait(1.0)
    assert call.call.conversation.person
    assert {(chunk.speaker, chunk.kept) for chunk in call.of(AudioChunk)} == {("person", False)}
    assert any(map(loud, call.of(AudioChunk)))
