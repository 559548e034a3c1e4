"""One call as text: what the caller says comes as words, and the carrier says what it is given."""

import asyncio

from orchestra.clock import SYSTEM_CLOCK, Clock
from orchestra.language.utterance import has_words, same_words
from orchestra.language.utterance_state import UtteranceState
from orchestra.voice.call.actions import ClearAudio, ResumeAudio, Say, SendDtmf, SendMark, Speech
from orchestra.voice.call.call import Call
from orchestra.voice.carriers.port import (
    AgentCut,
    DigitReceived,
    SpeakerChanged,
    TextReceived,
    TextStream,
    WordsPlayed,
    WordsReceived,
)
from orchestra.voice.pipeline.agent_speech import SpeechQueue
from orchestra.voice.text.text_playback import TextPlayback

_LOOK_S = 0.2
#: the agent was cut by a key if one comes within this of the cut, in seconds
_KEY_S = 0.3
#: a caller whose voice has ended has said what is known of it by then, or nothing, after this, in seconds
_WORDS_WITHIN_S = 4.0
#: the same where the carrier does not tell when the voice ends, and where it should but does not
_WORDS_AFTER_CUT_S, _LONGEST_VOICE_S = 10.0, 60.0
#: interim words that come faster change nothing that a person could notice, in seconds
_BETWEEN_PARTIALS_S = 0.1
_FINISHED = frozenset({UtteranceState.ANSWER, UtteranceState.COMPLETE, UtteranceState.QUESTION})


class TextCall:
    """Drives the conversation of a call from a `TextStream`, in the place of the audio pipeline.

    Call, conversation, turn taking and journal are those of any call: the conversation is told of voice, words, turns
    and marks, wherever they come from, and its speech goes out as text. What differs is who decides::

                            audio                        text
        turns               the edge's models            the carrier: a final prompt is a turn
        interruptions       the edge, by voice or words  the carrier: it has stopped by the time it says so
        what was heard      the edge's own playback      the carrier's report, `TextPlayback`
        resuming a reply    held audio                   the rest of the words is sent again

    A key, too, makes the carrier stop. Unless a key was asked for, the reply then goes on.

    Args:
        call: whose conversation it is; made with ``playback``.
        speech: what the call says.
        playback: how much of it was heard.
        stream: the carrier.
        clock: the time; tests pass their own.

    """

    def __init__(
        self,
        call: Call,
        speech: SpeechQueue,
        playback: TextPlayback,
        stream: TextStream,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._call = call
        self._conversation = call.conversation
        self._speech = speech
        self._playback = playback
        self._stream = stream
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._turn_open = False
        self._words_due = 0.0  # when an open turn without words is over
        self._voice_told = False  # the carrier has said that the voice of this turn was heard
        self._cut_at = 0.0  # the agent was cut, and it is not known yet by what
        self._key_at = self._voice_ended_at = float("-inf")
        self._words = ""  # of the open turn, so far
        self._partial, self._partial_at = "", 0.0  # what was published of them
        self._predicted = ""
        self._mark = ""
        self._reply_begun = False  # the carrier waits for more of it

    # -- the call's tasks

    async def run(self) -> None:
        """Say what the call says, until `stop`."""
        self._task = asyncio.current_task()
        await self._call.first_words.wait()
        self._call.greet()
        while True:
            await self._carry_out(await self._speech.get())

    async def stop(self) -> None:
        """End `run`."""
        if self._task is not None:
            self._task.cancel()

    async def listen(self) -> None:
        """Give the call what comes from the carrier.

        Raises:
            RejectedError: the carrier broke its protocol.
            StreamLostError: the connection is gone.

        """
        await self._call.first_words.wait()  # what is said meanwhile is heard after them
        while True:
            self.take(await self._stream.receive())

    async def watch(self) -> None:
        """Until cancelled: `tick` every 200 ms."""
        while True:
            await asyncio.sleep(_LOOK_S)
            self.tick()

    def tick(self) -> None:
        """What goes by the clock. A stall of this process loses nothing: the carrier keeps the words."""
        now = self._clock.monotonic()
        if self._cut_at and now - self._cut_at > _KEY_S:
            self._begin_turn()
        if self._turn_open and now > self._words_due:
            self._end_turn(self._words)
        if not self._playback.finished:
            self._conversation.on_audio_sent()
        self._report_played()
        self._call.tick()

    # -- the caller's side

    def take(self, received: TextReceived) -> None:
        """Handle what came from the carrier."""
        match received:
            case WordsReceived(text, final):
                self._take_words(text, final=final)
            case AgentCut(heard):
                self._take_cut(heard)
            case WordsPlayed(text):
                self._playback.played(text)
            case SpeakerChanged("agent", speaks):
                self._playback.agent_speaks(speaks)
            case SpeakerChanged(_, speaks):
                self._take_voice(speaks=speaks)
            case DigitReceived(digit):
                self._take_digit(digit)
        self._report_played()

    def _take_words(self, text: str, *, final: bool) -> None:
        if not has_words(text):
            if final and self._turn_open:
                self._end_turn("")
            return
        self._begin_turn()
        self._wait_for_words()
        self._words, now = text, self._clock.monotonic()
        if final:
            self._end_turn(text)
        elif not same_words(text, self._partial):
            if self._predicted:
                self._predicted = ""
                self._conversation.caller_resumed()
            if now - self._partial_at >= _BETWEEN_PARTIALS_S:
                self._partial, self._partial_at = text, now
                self._conversation.partial(text)
        elif not self._predicted:
            self._predict(text)

    def _predict(self, text: str) -> None:
        """The caller has said nothing more since the last interim words: if they read as finished, the turn may be."""
        _, asked = self._conversation.last_reply
        if self._conversation.turns.language.utterance_state(text, asked) in _FINISHED:
            self._predicted = text
            self._conversation.turn_predicted(text, likely=False)

    def _take_cut(self, heard: str) -> None:
        """The carrier has stopped the agent, for the caller's voice or for a key, which comes just before or after."""
        now = self._clock.monotonic()
        self._playback.cut(heard)
        if now - self._key_at < _KEY_S:
            self._speech.put(ResumeAudio())
        elif not self._turn_open:
            self._cut_at = now

    def _take_digit(self, digit: str) -> None:
        self._key_at = self._clock.monotonic()
        by_key, self._cut_at = bool(self._cut_at), 0.0
        self._call.take_digit(digit)
        if by_key:
            self._speech.put(ResumeAudio())  # says nothing if the key was asked for, which clears the rest

    def _take_voice(self, *, speaks: bool) -> None:
        self._voice_told = True
        if speaks and not self._conversation.voice_on:
            self._conversation.speech_started(self._clock.time())
        elif not speaks and self._conversation.voice_on:
            self._conversation.speech_ended(self._clock.time())
            self._voice_ended_at = self._clock.monotonic()
        if speaks and self._cut_at:
            self._begin_turn()
        self._wait_for_words()

    def _begin_turn(self) -> None:
        self._cut_at = 0.0
        if self._turn_open:
            return
        self._turn_open = True
        if self._clock.monotonic() - self._voice_ended_at > _WORDS_WITHIN_S and not self._conversation.voice_on:
            self._voice_told = False
            self._conversation.speech_started(self._clock.time())
        self._wait_for_words()
        if not self._conversation.caller_started():
            self._speech.put(ClearAudio())

    def _wait_for_words(self) -> None:
        """Until when the words of an open turn may come."""
        within_s = _WORDS_AFTER_CUT_S
        if self._voice_told:
            within_s = _LONGEST_VOICE_S if self._conversation.voice_on else _WORDS_WITHIN_S
        self._words_due = self._clock.monotonic() + within_s

    def _end_turn(self, text: str) -> None:
        """The caller's turn is over with these words, or with none."""
        self._turn_open, self._words, self._partial, self._predicted = False, "", "", ""
        if self._conversation.voice_on:
            self._conversation.speech_ended(self._clock.time())
        self._conversation.final(text)
        self._conversation.caller_stopped()
        self._conversation.turn_ended(text)

    # -- the agents' side

    async def _carry_out(self, speech: Speech) -> None:
        match speech:
            case Say(text=text):
                self._conversation.on_tts_audio()
                self._call.on_tts_text(text)
                await self._say(text)
            case SendMark(name):
                self._mark = name
                await self._end_reply()
                self._report_played()
            case ResumeAudio():
                if rest := self._playback.take_rest():
                    await self._say(rest)
                    if self._mark:
                        await self._end_reply()
            case ClearAudio():
                await self._clear()
            case SendDtmf(keys):
                await self._press(keys)
            case _:
                pass  # the carrier stops by itself, and makes its own speech

    async def _say(self, text: str) -> None:
        self._reply_begun = True
        self._playback.send(text)
        await self._stream.send_text(text + " ")
        self._conversation.on_audio_sent()

    async def _end_reply(self) -> None:
        self._reply_begun = False
        await self._stream.send_text("", last=True)

    async def _clear(self) -> None:
        """Let what follows take the place of what the carrier has not said."""
        self._mark = ""
        self._playback.clear()
        if self._reply_begun:
            await self._end_reply()
        self._conversation.cleared()

    async def _press(self, keys: str) -> None:
        """Send the keys once the carrier has said what comes before them."""
        while not self._playback.finished:
            await asyncio.sleep(_LOOK_S / 4)
            if self._conversation.turns.reply_held or self._turn_open:
                return
        await self._stream.send_digits(keys)

    def _report_played(self) -> None:
        """The caller has heard the reply to its end."""
        if self._mark and not self._cut_at and not self._conversation.turns.reply_held and self._playback.finished:
            name, self._mark = self._mark, ""
            self._call.take_mark(name)
