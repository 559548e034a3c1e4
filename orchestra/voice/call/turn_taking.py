"""Who may speak: the turns of a call, and which reply belongs to which.

::

    caller   speaks ----|          |-- speaks ---|
    edge                |turn 1    |             |turn 2
    agents              .... chunks of 1 ........ chunks of 2
    spoken                   1 1 1 x (cut)               2 2 2 2 (mark) -> spoken

Chunks of any turn but the current one are never spoken, and nothing is spoken while the caller speaks. The caller's
voice only pauses a reply: its audio is held. Words end it; after a noise or a back-channel it goes on from the word in
which it was paused::

    caller      mhm |              wait, no |
    audio   ----|hold|resume------|hold     |clear
    reply   ....................  ........  x (cut)

Audio that was lost and not held is synthesized again, from the sentence in which it was cut.

A turn whose end is only predicted has its number already, and its reply may be prepared, with the speech of its first
sentence::

    caller   speaks --|  (pause)  |-- goes on --|           caller   speaks --|  (silence)  |
    edge              |1 predicted|resumed      |turn 2     edge              |1 predicted  |turn 1
    spoken                                       2 2 2      spoken                           1 1 1
"""

from collections.abc import Callable, Sequence
from typing import Literal

from orchestra.history.ending import Ending, HangUp
from orchestra.language import DEFAULT_LANGUAGE, Language
from orchestra.language.spoken_pieces import count_pieces
from orchestra.language.utterance import contains_words, has_words, same_words
from orchestra.voice.call.actions import (
    Action,
    Backchannel,
    ClearAudio,
    FlushSpeech,
    PauseAudio,
    PrepareSpeech,
    ReplyCut,
    ReplyPlayed,
    ResumeAudio,
    Say,
    SendDtmf,
    SendMark,
    TurnEnded,
    TurnPredicted,
    TurnResumed,
)
from orchestra.voice.call.reply import Reply, count_words

_KEYS = frozenset("0123456789*#")


class TurnTaking:
    """The rules of turn taking. Methods return the actions to carry out now, in order; nothing here waits or sends.

    ``may_prepare_speech`` says whether speech may be made for a turn that is only probably over.
    """

    def __init__(
        self, language: Language = DEFAULT_LANGUAGE, may_prepare_speech: Callable[[], bool] = lambda: True
    ) -> None:
        self.language = language
        self._may_prepare_speech = may_prepare_speech
        self.turn = 0
        self.caller_speaks = False
        self._open_turns = 0  # starts minus ends of the caller's turns; an end may be reported before its start
        self._assumed_over = False  # the open turn had no end in time and counts as over; its end may still come
        self._clearing = False  # audio in flight is being cleared
        self._required = ""  # a sentence that the caller must hear to the end before anything else
        self._hanging_up = False  # the last words are being said: the caller can no longer take the turn
        self._voice_on = False
        self._finals: list[str] = []  # the caller's words since they began to speak
        self._interim = ""
        self._listens = False  # in the open turn, the caller has only shown that they listen: the reply goes on
        self._reply = Reply(0, over=True)

    @property
    def reply_open(self) -> bool:
        """Whether a reply is being made or played."""
        return not self._reply.over

    @property
    def caller_took_turn(self) -> bool:
        """Whether the caller has begun a turn that is not known to be over."""
        return self._open_turns > 0 and not self._assumed_over

    @property
    def hanging_up(self) -> bool:
        """Whether the last words are being said: nobody can take the turn any more."""
        return self._hanging_up

    def is_complete(self, turn: int) -> bool:
        """Whether the agents have said all of the reply of this turn: what still comes of it is not said any more."""
        return turn == self.turn and self._reply.complete

    @property
    def reply_pending(self) -> bool:
        """Whether a part of the current reply, made or not, has yet to be given to the pipeline."""
        reply = self._reply
        return self.reply_open and not (reply.complete and not reply.waiting and reply.cut_words is None)

    @property
    def reply_held(self) -> bool:
        """Whether the current reply was cut, and may still continue."""
        return self.reply_open and self._reply.cut_words is not None

    @property
    def audio_paused(self) -> bool:
        """Whether the current reply is paused, and what was not played of it is kept."""
        return self.reply_open and self._reply.audio_paused

    @property
    def reply_text(self) -> str:
        """The text of the current or the last reply that was given to the TTS engine."""
        return self._reply.text

    @property
    def speech_prepared(self) -> bool:
        """Whether the speech of the reply's first sentence was asked for before it may be said."""
        return self.reply_open and self._reply.prepared

    @property
    def reply_agent(self) -> str:
        """The agent that gives the current or the last reply."""
        return self._reply.agent

    @property
    def words_in_flight(self) -> int:
        """How many words of the open reply have been given to the TTS engine since the last cut."""
        reply = self._reply
        if reply.over or (reply.cut_words is not None and not reply.audio_paused):
            return 0
        return reply.words_said

    @property
    def caller_turn(self) -> int:
        """The number of the turn to which the caller's words belong now."""
        return self.turn if self._predicting else self.turn + 1

    @property
    def _predicting(self) -> bool:
        return self.reply_open and bool(self._reply.predicted)

    def sentences_heard(self, words: list[str]) -> list[str]:
        """The sentences of the open reply that were heard to the end once ``words`` in flight have been played."""
        reply = self._reply
        if reply.over or reply.cut_words is not None:
            return []
        whole = reply.sentences_heard(count_words(words))
        played = reply.complete and not reply.waiting and len(whole) == len(reply.heard) + len(reply.said)
        return whole[:-1] if played else whole  # its mark reports the last one

    def restore(self, turn: int, reply_heard: list[str], *, agent: str, over: bool) -> None:
        """Continue where another edge stopped: in this turn, with the sentences of its reply that were heard."""
        self.turn = turn
        self._reply = self._new_reply()
        self._reply.heard, self._reply.agent, self._reply.over = list(reply_heard), agent, over

    def restore_prediction(self, text: str) -> None:
        """The restored turn was only predicted, with these words: its reply is held until the caller proves silent."""
        self._reply.predicted, self._reply.cut_words = text, []

    # -- the caller

    def caller_started(self, reply_heard: list[str]) -> bool:
        """The caller speaks. Returns whether this interrupts a reply of which ``reply_heard`` was played."""
        if self._hanging_up:
            self.tts_failed(reply_heard)  # the pipeline discards what it is saying, so it is said again
            return False
        self._listens = False
        # a turn cannot begin before the last one has ended
        self._open_turns = 1 if self._assumed_over else min(1, self._open_turns) + 1
        self._assumed_over = False
        self.caller_speaks = True
        self._hold_back(reply_heard)
        return self.reply_open and not self._predicting

    def caller_voice_heard(self, reply_heard: list[str], *, may_be_echo: bool = False) -> list[Action]:
        """The caller's voice is heard. In an open turn, whatever the edge is saying pauses.

        ``may_be_echo``: the line echoes, so while the agent speaks only words stop it.
        """
        self._voice_on = True
        if self._open_turns <= 0:
            self._forget_words()
        if self._hanging_up or self._open_turns <= 0:
            return []
        if self._assumed_over and self.reply_open and not self._reply.phrase and not self._listens:
            return []  # the reply was held back for a sound long enough: from now on only words stop it
        if may_be_echo and self.words_in_flight:
            return []
        self._assumed_over = self._listens = False
        speaking = not self.caller_speaks and self.reply_open and bool(self._reply.said)
        self.caller_speaks = True
        self._hold_back(reply_heard)
        if not speaking:
            return []
        return [PauseAudio()] if self.audio_paused else self._clear_audio()

    def voice_possible(self, reply_heard: list[str]) -> list[Action]:
        """A sound may be the beginning of the caller's voice: what is said pauses where that voice would pause it."""
        reply = self._reply
        waits = self.caller_speaks or self.caller_took_turn or self._clearing or reply.cut_words is not None
        decided = self._hanging_up or (self._assumed_over and not self._listens)
        if waits or decided or not self._can_pause(reply_heard):
            return []
        self._hold_back(reply_heard)
        return [PauseAudio()]

    def voice_not_begun(self) -> list[Action]:
        """That sound was none: what it held goes on."""
        return [] if self._voice_on else self._speak_held()

    def caller_voice_ended(self) -> list[Action]:
        """The caller's voice is no longer heard: if they only listen, what was held goes on."""
        self._voice_on = False
        return self._go_on() if has_words(self._words) else []

    def pause_expired(self) -> list[Action]:
        """The caller has been silent for a moment: without words that take the turn, what was held goes on."""
        return [] if self._voice_on else self._go_on()

    def caller_stopped(self) -> list[Action]:
        """The caller is silent again. The transcript of what they said may have come already or may follow."""
        self.caller_speaks = False
        return self._speak_held()

    def assume_turn_over(self) -> list[Action]:
        """The caller is silent and no end of their turn was reported: assume it, and say what was held back."""
        self.caller_speaks, self._clearing, self._assumed_over = False, False, self._open_turns > 0
        if self._predicting:
            return self._confirmed(self._reply.predicted)
        return self._speak_held()

    def words_recognized(self, text: str, reply_heard: Sequence[str] = (), *, so_far: bool = False) -> list[Action]:
        """A transcript of the caller's voice: it ends the reply that was cut, unless it is only a back-channel ("mhm").

        ``so_far``: more may follow. ``reply_heard`` as in `caller_started`.
        """
        self._interim = text if so_far else ""
        self._finals += [] if so_far else [text]
        reply = self._reply
        if reply.over or reply.predicted or (reply.cut_words is None and not self._listens):
            return []
        if self._only_listens(self._words, reply_heard, so_far=True):  # after final words, too, more may follow
            return [] if self._voice_on else self._go_on()
        speaks = self.caller_took_turn or self._listens or (self.caller_speaks and reply.cuts > 0)
        return self._end_reply(reply_heard) if speaks else []

    def turn_predicted(self, text: str, reply_heard: Sequence[str] = ()) -> list[Action]:
        """The caller's turn is probably over with these words: a reply may be made, and is held back."""
        if self._hanging_up or not self.caller_took_turn or not has_words(text):
            return []  # too few words to take the turn from the agent are ignored
        if self._only_listens(text, reply_heard, so_far=True):
            return []
        if self._predicting and same_words(text, self._reply.predicted):
            return []
        before = self._void_prediction("other_words") if self._predicting else self._end_reply(reply_heard)
        self.turn += 1
        self._reply = self._new_reply()
        self._reply.cut_words, self._reply.predicted = [], text.strip()
        return [*before, TurnPredicted(self.turn, text.strip())]

    def caller_resumed(self) -> list[Action]:
        """The caller continues: the predicted turn is void."""
        return self._void_prediction("resumed")

    def transcribed(self, text: str) -> list[Action]:
        """The final transcript of a stretch of speech. If the predicted words lack it, the predicted turn is void."""
        return [] if contains_words(self._reply.predicted, text) else self._void_prediction("other_words")

    def turn_ended(self, text: str, reply_heard: Sequence[str] = (), *, answered: bool = True) -> list[Action]:
        """The caller's turn is over. With words it gets a reply; without words the reply that was cut continues.

        ``reply_heard`` as in `caller_started`: words may arrive late, while a waiting caller is being told something.
        If it is not ``answered``, words are for somebody else, and get no reply.
        """
        if self._hanging_up:
            return []
        listened = self._listens and self.language.is_backchannel(text)  # also where the reply is over by now
        self._end_turn()
        if self._predicting and (not has_words(text) or same_words(text, self._reply.predicted)):
            return self._confirmed(text.strip() if has_words(text) else self._reply.predicted)
        void = self._void_prediction("other_words")
        if has_words(text) and not listened and not self._only_listens(text, reply_heard):
            actions = void + self._end_reply(reply_heard)
            self.turn += 1
            self._reply = self._new_reply() if answered else Reply(self.turn, over=True)
            return [*actions, TurnEnded(self.turn, text.strip()), *(self._speak_waiting() if answered else [])]
        return [*([Backchannel(self.turn, text.strip())] if has_words(text) else []), *self._speak_held()]

    def edge_replies(self, phrase: str, reply_heard: Sequence[str]) -> list[Action]:
        """The caller's turn is over, and not for the agents: the edge says this, or, if it is empty, nothing."""
        if self._hanging_up:
            return []
        self._end_turn()
        actions = self.stop_reply(reply_heard)
        if not phrase:
            return actions
        self._reply = self._new_reply()
        return [*actions, *self.chunk(self.turn, phrase), *self.completed(self.turn)]

    def stop_reply(self, reply_heard: Sequence[str]) -> list[Action]:
        """Nothing more of what is being said or made is to be heard; ``reply_heard`` as in `caller_started`."""
        return [*self.caller_resumed(), *self._end_reply(reply_heard)]

    def clear_output(self) -> list[Action]:
        """What is on its way to the caller, whoever speaks, is to be discarded; what is said next waits for that."""
        return [] if self._clearing else self._clear_audio()

    def tts_failed(self, reply_heard: list[str]) -> bool:
        """The speech engine lost text; ``reply_heard`` as in `caller_started`. Returns whether to clear the output.

        What was lost is spoken again once the output is cleared.
        """
        reply = self._reply
        if self.speech_prepared:
            reply.prepared, self._clearing = False, True
            return True
        if reply.over or (reply.cut_words is not None and not reply.audio_paused) or not reply.said:
            return False
        self._hold_back(reply_heard)
        reply.audio_paused = False
        self._clearing = True
        return True

    def key_pressed(self, reply_heard: list[str]) -> list[Action]:
        """The caller answers a question with a key: skip the rest of it. ``reply_heard`` as in `caller_started`."""
        reply = self._reply
        if reply.over or reply.cut_words is not None or not (reply.said or reply.waiting):
            return []
        if reply.words_said <= count_words(reply_heard) and not reply.waiting:
            return []
        reply.heard = [text for text in (reply.heard_after(reply_heard),) if text]
        reply.said, reply.waiting, reply.mark = [], [], ""
        reply.cut_words = []
        reply.cuts += 1
        return self._clear_audio()

    def say_and_hang_up(self, message: str, reply_heard: list[str]) -> list[Action]:
        """Say this instead of the current reply, and hang up; ``reply_heard`` as in `caller_started`."""
        if self.reply_open and self._reply.cut_words is None:
            self._reply.cut_words = reply_heard
        actions = [*self.caller_resumed(), *self._end_reply()]
        self._reply = Reply(self.turn, cut_words=[], ending=HangUp())
        self.caller_speaks, self._open_turns, self._assumed_over, self._required = False, 0, False, ""
        self._hanging_up = True
        return [*actions, *self.chunk(self.turn, message), *self.completed(self.turn), *self._clear_audio()]

    def output_cleared(self) -> list[Action]:
        """The output is clear: what was held back, or lost by the engine, can be spoken."""
        self._clearing = False
        if self.audio_paused:  # what was paused since has been cleared, too: it is said again
            self._reply.audio_paused = False
            return self._clear_audio()
        return self._prepare_speech() if self._predicting else self._speak_held()

    def mark_returned(self, name: str, placed: int | None = None) -> list[Action]:
        """The carrier has played everything before this mark, or cleared it: then the name belongs to an older cut.

        ``placed`` is how many words of what is on its way had audio (None: all); with fewer it was not played.
        """
        reply = self._reply
        if reply.over or name != reply.mark or reply.cut_words is not None:
            return []
        if placed is not None and placed < self.words_in_flight:
            return []  # the engine lost the rest: `tts_failed` or the watch follows
        return self._finish()

    # -- the agents

    def begin_greeting(self) -> None:
        """Open turn 0, in which only the edge speaks."""
        self._reply = self._new_reply()

    def require_heard(self, text: str) -> None:
        """The caller must hear this sentence to the end: until then every reply begins with it."""
        self._required = text.strip()

    def required_was_heard(self, reply_heard: Sequence[str]) -> bool:
        """Whether they have heard that sentence, or there is none; ``reply_heard`` as in `caller_started`."""
        reply = self._reply
        heard = [] if reply.over else reply.sentences_heard(count_words(list(reply_heard)))
        return not self._required or self._required in heard

    def is_being_said(self, text: str, reply_heard: Sequence[str]) -> bool:
        """Whether this sentence is part of the open reply, and was not heard to its end."""
        reply = self._reply
        said = [item.text for item in (*reply.waiting, *reply.said) if isinstance(item, Say)]
        return not reply.over and text in said and text not in reply.sentences_heard(count_words(list(reply_heard)))

    def was_heard(self, text: str, reply_heard: Sequence[str]) -> bool:
        """Whether this sentence is part of the current or the last reply, and was heard to its end."""
        reply = self._reply
        if reply.over and reply.cut_words is None:
            return text in (*reply.heard, *(say.text for say in reply.said))
        words = reply_heard if reply.cut_words is None else reply.cut_words
        return text in reply.sentences_heard(count_words(list(words)))

    def say_holding_phrase(self, phrase: str) -> list[Action]:
        """Say this to a waiting caller: as part of the reply, or on its own if there is none yet."""
        actions = self.assume_turn_over()
        if any(isinstance(action, Say | ResumeAudio) for action in actions) or not phrase.strip():
            return actions
        if self._reply.over:
            self.restore(self.turn, [], agent="", over=False)
            self._reply.phrase = True
            return [*actions, *self.chunk(self.turn, phrase), *self.completed(self.turn)]
        return [*actions, *self.chunk(self.turn, phrase), *self.pause(self.turn)]

    def interject(self, phrase: str, placed: int) -> None:
        """Note a phrase that was played ahead of the TTS engine, which has made audio for ``placed`` words so far."""
        index = 0
        for index, say in enumerate(self._reply.said):  # noqa: B007 - the index is used after the loop
            placed -= count_pieces(say.text)
            if placed < 0:
                break
        self._reply.said.insert(index, Say(self.turn, phrase.strip()))

    def chunk(
        self, turn: int, text: str, language: str = "", *, agent: str = "", voice: str = "", speed: float = 0.0
    ) -> list[Action]:
        """A sentence of the reply of this turn; ``language`` is a code, by default that of the call."""
        reply = self._reply
        if turn != self.turn or reply.over or reply.complete or not has_words(text):
            return []
        reply.agent = agent or reply.agent
        reply.waiting.append(Say(turn, text.strip(), voice, speed, language or self.language.code))
        return self._speak_waiting()

    def pause(self, turn: int) -> list[Action]:
        """The agents pause this reply to do something else: the TTS engine should finish what it has."""
        if turn != self.turn or self._reply.over or self._reply.complete:
            return []
        self._reply.waiting.append(FlushSpeech())
        return self._speak_waiting()

    def send_dtmf(self, turn: int, keys: str) -> list[Action]:
        """The agents press keys. Any consumer can ask for this, so characters that are not keys are ignored."""
        keys = "".join(key for key in keys if key in _KEYS)
        if not keys or turn != self.turn or self._reply.over or self._reply.complete:
            return []
        self._reply.waiting += [FlushSpeech(), SendDtmf(keys)]
        return self._speak_waiting()

    def completed(self, turn: int) -> list[Action]:
        """All chunks of this reply have arrived."""
        reply = self._reply
        if turn != self.turn or reply.over or reply.complete:
            return []
        reply.complete = True
        return self._speak_waiting() if reply.started or reply.waiting else self._finish()

    def ending_requested(self, turn: int, ending: Ending) -> list[Action]:
        """The agent wants this after its reply has been played; the caller's words cancel it.

        A call that ends with its first words has no agents: the caller cannot take the turn from those.
        """
        if turn != self.turn or self._reply.over:
            return []
        self._reply.ending = ending
        self._hanging_up = self._hanging_up or turn == 0
        return []

    # -- inside

    def _end_turn(self) -> None:
        self._open_turns, self._assumed_over, self._listens = max(-1, self._open_turns - 1), False, False
        self._forget_words()

    @property
    def _words(self) -> str:
        """The caller's words since they began to speak."""
        return " ".join([*self._finals, self._interim]).strip()

    def _forget_words(self) -> None:
        self._finals, self._interim = [], ""

    def _new_reply(self) -> Reply:
        # if the caller is speaking, hold the reply back until a transcript shows whether these are words
        reply = Reply(self.turn, cut_words=[] if self.caller_speaks or self._clearing else None)
        if self._required:
            reply.waiting = [Say(self.turn, self._required, language=self.language.code)]
        return reply

    def _void_prediction(self, reason: Literal["resumed", "other_words"]) -> list[Action]:
        if not self._predicting:
            return []
        self._reply.over = True
        return [TurnResumed(self.turn, reason), *(self._clear_audio() if self._reply.prepared else [])]

    def _confirmed(self, text: str) -> list[Action]:
        reply = self._reply
        reply.predicted = ""
        reply.cut_words = [] if self.caller_speaks or self._clearing else None
        return [TurnEnded(self.turn, text, predicted=True), *self._speak_waiting()]

    def _only_listens(self, text: str, reply_heard: Sequence[str] = (), *, so_far: bool = False) -> bool:
        """Whether these words are a back-channel to the agent's reply; after a question they are an answer."""
        reply = self._reply
        is_backchannel = self.language.may_become_backchannel if so_far else self.language.is_backchannel
        heard = reply_heard if reply.cut_words is None else reply.cut_words
        return self.reply_open and is_backchannel(text) and not reply.has_asked(count_words(list(heard)))

    def _hold_back(self, reply_heard: list[str]) -> None:
        reply = self._reply
        if not reply.over and reply.cut_words is None:
            reply.audio_paused = self._can_pause(reply_heard)
            reply.cut_words = reply_heard
            reply.cuts += 1

    def _can_pause(self, reply_heard: list[str]) -> bool:
        """Whether audio of the open reply is to be played that can be kept and played later."""
        reply = self._reply
        rest = not reply.complete or reply.words_said > count_words(reply_heard)
        return self.reply_open and bool(reply.said) and rest and not self._clearing and not reply.phrase

    def _go_on(self) -> list[Action]:
        """Let the reply go on that was held, if the caller only listens: their turn, still open, is assumed over."""
        if not self.audio_paused or self._hanging_up or self._reply.predicted:
            return []
        if has_words(self._words) and not self._only_listens(self._words):
            return []
        self.caller_speaks, self._assumed_over = False, self._open_turns > 0
        self._listens = self._assumed_over
        return self._speak_held()

    def _clear_audio(self) -> list[Action]:
        self._clearing = True
        return [ClearAudio()]

    def _speak_held(self) -> list[Action]:
        """Speak what was held back, unless something still holds it."""
        reply = self._reply
        held = self.caller_speaks or self.caller_took_turn or self._clearing or bool(reply.predicted)
        if held or reply.over or reply.cut_words is None:
            return []
        actions: list[Action] = [ResumeAudio()] if reply.audio_paused else []
        reply.rewind()
        return [*actions, *self._speak_waiting()]

    def _speak_waiting(self) -> list[Action]:
        reply = self._reply
        if self._predicting:
            return self._prepare_speech()
        if self.caller_speaks or reply.cut_words is not None:
            return []
        actions: list[Action] = list(reply.waiting)
        reply.said += [item for item in reply.waiting if isinstance(item, Say)]
        reply.waiting, reply.prepared = [], False
        if reply.complete and not reply.mark:
            reply.mark = f"{reply.turn}.{reply.cuts}"
            actions += [FlushSpeech(), SendMark(reply.mark)]
        return actions

    def _prepare_speech(self) -> list[Action]:
        """Have the first sentence of the reply to a predicted turn synthesized: what comes before it has no sound."""
        reply = self._reply
        first = next((item for item in reply.waiting if not isinstance(item, FlushSpeech)), None)
        if reply.prepared or self._clearing or not isinstance(first, Say) or not self._may_prepare_speech():
            return []
        reply.prepared = True
        return [PrepareSpeech(first)]

    def _end_reply(self, reply_heard: Sequence[str] = ()) -> list[Action]:
        """The caller's words end the reply; audio that is still being played is cleared."""
        reply = self._reply
        if reply.over:
            return []
        sounds = reply.prepared or reply.audio_paused or (reply.cut_words is None and bool(reply.said))
        words = list(reply_heard) if reply.cut_words is None else reply.cut_words
        self._settle_required(reply.sentences_heard(count_words(words)))
        reply.over, reply.audio_paused, reply.cut_words = True, False, words
        cut = ReplyCut(reply.turn, reply.heard_after(words))
        return [cut, *self._clear_audio()] if sounds else [cut]

    def _finish(self) -> list[Action]:
        reply = self._reply
        self._settle_required([*reply.heard, *(say.text for say in reply.said)])
        self._open_turns = max(0, self._open_turns)
        reply.over = True
        actions: list[Action] = [ReplyPlayed(reply.turn, reply.text, reply.agent)] if reply.started else []
        return actions if reply.ending is None else [*actions, reply.ending]

    def _settle_required(self, reply_heard: list[str]) -> None:
        if self._required in reply_heard:
            self._required = ""
