"""How long a silence ends the caller's turn: by the words, by smart-turn, by the question, and by the caller's pauses.

::

    agent    … which parcel is it?
    caller                         four two       seven one       (silence)
    state                                  DICTATION         ANSWER: four digits were asked for
    pause allowed                          1.5 s             0.3 s
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from orchestra.endpointing import DEFAULT_ENDPOINTING, Endpointing
from orchestra.language import DEFAULT_LANGUAGE, Language
from orchestra.language.utterance_state import UtteranceState
from orchestra.voice.engines.turn_detection.patience import CallerPatience


class _Rule(NamedTuple):
    """How long a pause may be after words of one state, as shares of the way from the shortest to the longest pause.

    ``sure`` if smart-turn hears the end of a turn, ``unsure`` if it does not; ``bias`` is what the words alone say
    about it, in log-odds.
    """

    sure: float
    unsure: float
    bias: float


#: Fitted on 288 places in 73 recorded sentences and 142 in spoken numbers, with pauses of 0.5 to 1.5 s put in (Debian's
#: ``asterisk-core-sounds-en-wav`` and ``pocketsphinx-testdata``). Smart-turn alone, from 0.5 on, takes a
#: third of the pauses inside a sentence for ends.
_RULES: Final[Mapping[UtteranceState, _Rule]] = {
    UtteranceState.ANSWER: _Rule(0.0, 0.25, 1.0),
    UtteranceState.COMPLETE: _Rule(0.15, 0.6, -0.5),
    UtteranceState.QUESTION: _Rule(0.0, 0.5, 0.5),
    UtteranceState.PREAMBLE: _Rule(0.25, 0.65, 0.0),
    UtteranceState.OPEN: _Rule(0.0, 0.85, -1.5),
    UtteranceState.UNFINISHED: _Rule(0.7, 0.9, 0.0),
    UtteranceState.DICTATION: _Rule(0.25, 0.6, -2.0),
    UtteranceState.THINKING: _Rule(1.0, 1.0, 0.0),
}
#: smart-turn is surer of itself than it is right: of its log-odds only this share counts
_TRUST: Final = 0.8
#: after this many pauses between the groups of a number their length is known: a longer one, by this factor, ends it
_GROUPS: Final = 2
_LAST_GROUP: Final = 1.7
#: but not a shorter one than this: who says digits or letters one by one pauses shorter between them than after some
_SHORTEST_LAST_S: Final = 0.6
#: smart-turn's answers are taken as at most this sure
_SUREST: Final = 0.99


def allowed_pause_s(
    state: UtteranceState, probability: float | None, options: Endpointing = DEFAULT_ENDPOINTING, patience: float = 1.0
) -> float:
    """The silence after which the turn is over, in seconds.

    Args:
        state: how far the caller's words have got.
        probability: that the turn is over, by its sound, from smart-turn; None: it has not been asked.
        options: the bounds.
        patience: of this caller, in relation to others: above 1 for those who pause long.

    """
    rule = _RULES[state]
    over = 0.0 if probability is None else _chance(probability, rule.bias)
    share = rule.sure + (rule.unsure - rule.sure) * (1 - over)
    return options.min_pause_s + (options.max_pause_s - options.min_pause_s) * min(1.0, share * patience)


def _chance(probability: float, bias: float) -> float:
    likely = min(_SUREST, max(1 - _SUREST, probability))
    return 1 / (1 + math.exp(-(_TRUST * math.log(likely / (1 - likely)) + bias)))


@dataclass(slots=True)
class Endpointer:
    """Decides for one call. It is told what is heard of the caller, and computes how long a silence ends their turn.

    Attributes:
        asked: returns the agent's name and its words that the caller heard last; called when the caller begins a turn.
        options: by the agent's name; "" for an agent that is not among them.
        voice_starting: whether sound that may be the caller's voice has just begun; a turn does not end in it.
        on_pause: called with each pause that is allowed from now on, in seconds.
        language: what the caller speaks.
        punctuation_tells: whether the engine closes only what is probably over.
        allowed_s: the silence that ends the turn as it was computed last for this stretch of speech, in seconds.

    """

    asked: Callable[[], tuple[str, str]] = lambda: ("", "")
    options: Mapping[str, Endpointing] = field(default_factory=dict)
    voice_starting: Callable[[], bool] = lambda: False
    on_pause: Callable[[float], None] = lambda _: None
    language: Language = DEFAULT_LANGUAGE
    punctuation_tells: bool = True
    allowed_s: float = field(default=math.inf, init=False)
    _patience: CallerPatience = field(default_factory=CallerPatience)
    _agent: str = ""
    _question: str = ""
    _probability: float | None = None
    _state: UtteranceState = UtteranceState.OPEN  # of the words before the pause
    _dictated: list[float] = field(default_factory=list)  # pauses between the groups of this turn, in seconds
    _ended: bool = False  # the last turn is over, and its reply has not been heard yet

    @property
    def chosen(self) -> Endpointing:
        """The options of the agent that the caller talks with."""
        return self.options.get(self._agent) or self.options.get("") or DEFAULT_ENDPOINTING

    @property
    def probability(self) -> float | None:
        """That the turn is over by its sound: the least of what smart-turn said in this pause."""
        return self._probability

    def turn_started(self) -> None:
        """The caller takes the turn. A reply of which nothing has been said yet asks nothing."""
        agent, question = self.asked()
        self._dictated.clear()
        self._agent, self._question = agent or self._agent, question or self._question

    def turn_ended(self) -> None:
        """The turn was ended, with words."""
        self._ended = True

    def voice_started(self, pause_s: float | None) -> None:
        """The caller's voice starts, ``pause_s`` after their last sound; None if an agent has spoken in between."""
        self._probability, self.allowed_s = None, math.inf
        if pause_s is not None and self.chosen.adapts and pause_s <= self.chosen.max_pause_s:
            self._learn(pause_s)
        elif pause_s is None and self._ended:
            self._patience.turn_answered()
        self._ended = False

    def _learn(self, pause_s: float) -> None:
        if self._ended or self._state not in (UtteranceState.DICTATION, UtteranceState.THINKING):
            self._patience.learn(pause_s, cut=self._ended)
        elif self._state is UtteranceState.DICTATION:
            self._dictated.append(pause_s)  # says how this number is grouped, and nothing of how fast the caller talks

    def sound_judged(self, probability: float) -> None:
        """Take smart-turn's probability that the turn is over.

        The least one of a pause counts: the longer the silence, the more an unfinished sentence sounds finished to
        smart-turn (0.12 s after the last sound it took 23 % of the places for ends, after 0.4 s 52 %).
        """
        self._probability = probability if self._probability is None else min(probability, self._probability)

    def state_of(self, text: str) -> UtteranceState:
        """How far the caller has got with these words of their turn."""
        return self.language.utterance_state(text, self._question, punctuation_tells=self.punctuation_tells)

    def pause_s(self, text: str) -> float:
        """The silence after these words of the turn that ends it, in seconds, by all that is known now."""
        options = self.chosen
        patience = self._patience.factor(options.patience)
        self._state = self.state_of(text)
        pause = allowed_pause_s(self._state, self._probability, options, patience)
        if self._state is UtteranceState.DICTATION and len(self._dictated) >= _GROUPS:
            last = max(options.min_pause_s, _SHORTEST_LAST_S, _LAST_GROUP * max(self._dictated))
            pause = min(pause, last)
        self.allowed_s = pause
        self.on_pause(pause - options.min_pause_s)
        return pause
