"""Who may speak: the turns of a call, and which reply belongs to which.

::

    caller   speaks ----|          |-- speaks ---|
    edge                |turn 1    |             |turn 2
    agents              .... chunks of 1 ........ chunks of 2
    spoken                   1 1 1 x (cut)               2 2 2 2 (mark) -> spoken

A chunk of another turn than the current one is never spoken. While the caller speaks nothing is. What was cut by noise
that turned out to be no words is spoken again, from the sentence in which it was cut; the caller's words end the reply.

A turn whose end is only predicted has its number already, and its reply may be made meanwhile::

    caller   speaks --|  (pause)  |-- goes on --|           caller   speaks --|  (silence)  |
    edge              |1 predicted|resumed      |turn 2     edge              |1 predicted  |turn 1
    spoken                                       2 2 2      spoken                           1 1 1
"""

from dataclasses import dataclass, field

from orchestra.voice.actions import (
    Action,
    Cut,
    Ending,
    EndSpeech,
    HangUp,
    Hush,
    Played,
    PressKeys,
    Say,
    SendMark,
    TurnBegan,
    TurnPredicted,
    TurnResumed,
)
from orchestra.voice.words import is_backchannel, same_words

_KEYS = frozenset("0123456789*#")


def _count(heard: list[str]) -> int:
    """How many words these are: an engine that does not tell when each is said tells of several at once."""
    return len(" ".join(heard).split())


@dataclass(slots=True)
class _Reply:
    """What the agents have said so far in answer to one turn, and how far it got."""

    turn: int
    waiting: list[Say | EndSpeech | PressKeys] = field(
        default_factory=list
    )  # accepted, not yet on its way to the caller
    said: list[Say] = field(default_factory=list)  # on its way since the last cut
    heard: list[str] = field(default_factory=list)  # sentences that were played whole before the last cut
    agent: str = ""
    voice: str = ""
    complete: bool = False
    mark: str = ""
    cuts: int = 0
    ending: Ending | None = None
    over: bool = False  # played, or ended by the caller's words
    cut_words: list[str] | None = None  # words heard at a cut of which it is not known yet whether it was meant
    predicted: str = ""  # the caller's words of a turn that is not sure to be over: nothing is spoken before it is

    @property
    def text(self) -> str:
        """All of it."""
        return " ".join([*self.heard, *(say.text for say in self.said)])

    @property
    def started(self) -> bool:
        """Whether any word was given to the speech engine."""
        return bool(self.heard or self.said)

    def rewind(self) -> None:
        """Take back what was on its way when it was cut, from the sentence in which the last heard word stands."""
        words = _count(self.cut_words or [])
        said, self.said, self.mark, self.cut_words = self.said, [], "", None
        while said and words >= len(said[0].text.split()):
            words -= len(said[0].text.split())
            self.heard.append(said.pop(0).text)
        if said:
            said_again: list[Say | EndSpeech | PressKeys] = [*said, EndSpeech()]
            self.waiting = said_again + self.waiting

    def sentences_heard(self, words: int) -> list[str]:
        """The sentences that are whole when of what is on its way so many words were played."""
        whole = list(self.heard)
        for say in self.said:
            words -= len(say.text.split())
            if words < 0:
                break
            whole.append(say.text)
        return whole

    def heard_after(self, words: list[str]) -> str:
        """What the caller has heard when of what is on its way ``words`` were played."""
        return " ".join([*self.heard, *words])


class Turns:
    """The rules of taking turns. Every method returns what is to be done now, in order; nothing here waits or sends."""

    def __init__(self) -> None:
        self.turn = 0
        self.caller_speaks = False
        self.caller_took_turn = False  # from the caller's start until their turn is over
        self._leaving = False  # a message is left with a machine: nobody takes the turn any more
        self._reply = _Reply(0, over=True)

    @property
    def reply_open(self) -> bool:
        """Whether a reply is being made or played."""
        return not self._reply.over

    @property
    def words_on_their_way(self) -> int:
        """How many words were given to the speech engine since the last cut, of a reply that is not over."""
        reply = self._reply
        if reply.over or reply.cut_words is not None:
            return 0
        return sum(len(say.text.split()) for say in reply.said)

    @property
    def waits_for_words(self) -> bool:
        """Whether the current reply has not said anything yet."""
        return self.reply_open and not (self._reply.predicted or self._reply.started or self._reply.waiting)

    def waits_for_more(self, heard: list[str]) -> bool:
        """Whether all that there is of the current reply was heard, and the agents are not done with it.

        The end of the last word does not count: the output keeps half a frame back until it knows that no more follows.
        """
        reply = self._reply
        if reply.over or reply.complete or reply.waiting or reply.cut_words is not None:
            return False
        return reply.started and self.words_on_their_way <= _count(heard) + 1

    @property
    def callers_turn(self) -> int:
        """The number of the turn that the caller's words of this moment belong to."""
        return self.turn if self._predicting else self.turn + 1

    @property
    def _predicting(self) -> bool:
        return self.reply_open and bool(self._reply.predicted)

    def sentences_heard(self, words: list[str]) -> list[str]:
        """The sentences of the open reply that were heard whole, when of what is on its way ``words`` were played."""
        reply = self._reply
        if reply.over or reply.cut_words is not None:
            return []
        whole = reply.sentences_heard(_count(words))
        played = reply.complete and not reply.waiting and len(whole) == len(reply.heard) + len(reply.said)
        return whole[:-1] if played else whole  # its mark tells of the last one

    def restore(self, turn: int, heard: list[str], *, agent: str, over: bool) -> None:
        """Go on where another edge had to stop: in this turn, whose reply was heard so far, or to its end."""
        self.turn = turn
        self._reply = self._new_reply()
        self._reply.heard, self._reply.agent, self._reply.over = list(heard), agent, over

    # -- the caller

    def caller_started(self, heard: list[str]) -> bool:
        """The caller speaks; ``heard`` are the words played of what is on its way. Returns whether a reply was cut."""
        if self._leaving:
            self.speech_failed(heard)  # what the pipeline drops for it is said again
            return False
        self.caller_speaks = self.caller_took_turn = True
        if self.reply_open and self._reply.cut_words is None:
            self._reply.cut_words = heard
            self._reply.cuts += 1
        return self.reply_open and not self._predicting

    def caller_stopped(self) -> None:
        """The caller is silent again; whether there were words shows soon."""
        self.caller_speaks = False

    def words_heard(self, text: str) -> list[Action]:
        """The caller's sounds are these words: the reply they cut is over, unless they only show that they listen."""
        reply = self._reply
        if reply.over or reply.predicted or reply.cut_words is None:
            return []
        return self._end_reply() if self.caller_took_turn and not is_backchannel(text) else []

    def turn_predicted(self, text: str) -> list[Action]:
        """The caller's turn seems to be over with these words: a reply may be made, and is held back."""
        if self._leaving or not self.caller_took_turn or not text.strip():
            return []  # too few words to take the turn from the agent count for nothing
        if self.reply_open and is_backchannel(text):
            return []
        if self._predicting and same_words(text, self._reply.predicted):
            return []
        before = self.caller_resumed() if self._predicting else self._end_reply()
        self.turn += 1
        self._reply = _Reply(self.turn, cut_words=[], predicted=text.strip())
        return [*before, TurnPredicted(self.turn, text.strip())]

    def caller_resumed(self) -> list[Action]:
        """The caller goes on: what was predicted is void."""
        if not self._predicting:
            return []
        self._reply.over = True
        return [TurnResumed(self.turn)]

    def transcribed(self, text: str) -> list[Action]:
        """The caller's final words: other ones than were predicted make that void."""
        return [] if same_words(text, self._reply.predicted) else self.caller_resumed()

    def turn_ended(self, text: str) -> list[Action]:
        """The caller's turn is over. With words a new turn begins; without, the reply that was cut goes on."""
        if self._leaving:
            return []
        self.caller_took_turn = self.caller_speaks
        if self._predicting and (not text.strip() or same_words(text, self._reply.predicted)):
            return self._confirmed(text.strip() or self._reply.predicted)
        void = self.caller_resumed()
        if text.strip() and not (self.reply_open and is_backchannel(text)):
            actions = void + self._end_reply()
            self.turn += 1
            self._reply = self._new_reply()
            return [*actions, TurnBegan(self.turn, text.strip())]
        if self.caller_speaks or self._reply.over or self._reply.cut_words is None:
            return []
        self._reply.rewind()
        return self._flow()

    def speech_failed(self, heard: list[str]) -> bool:
        """The speech engine lost what it was to speak; ``heard`` as in `caller_started`. Returns whether to clear.

        What is lost is spoken again once the output is cleared.
        """
        reply = self._reply
        if reply.over or reply.cut_words is not None or not reply.said:
            return False
        reply.cut_words = heard
        reply.cuts += 1
        return True

    def key_pressed(self, heard: list[str]) -> list[Action]:
        """The caller answers a question by a key: what is left of it is not said; ``heard`` as in `caller_started`."""
        reply = self._reply
        if reply.over or reply.cut_words is not None or not (reply.said or reply.waiting):
            return []
        if sum(len(say.text.split()) for say in reply.said) <= _count(heard) and not reply.waiting:
            return []
        reply.heard = [text for text in (reply.heard_after(heard),) if text]
        reply.said, reply.waiting, reply.mark = [], [], ""
        reply.cut_words = []
        reply.cuts += 1
        return [Hush()]

    def leave(self, message: str, heard: list[str]) -> list[Action]:
        """Say this and hang up, whatever is being said; ``heard`` as in `caller_started`."""
        if self.reply_open and self._reply.cut_words is None:
            self._reply.cut_words = heard
        actions = [*self.caller_resumed(), *self._end_reply()]
        self._reply = _Reply(self.turn, cut_words=[], ending=HangUp())
        self.caller_speaks = self.caller_took_turn = False
        self._leaving = True
        return [*actions, *self.chunk(self.turn, message), *self.completed(self.turn), Hush()]

    def output_cleared(self) -> list[Action]:
        """Nothing of older words is on its way any more: what the engine lost is spoken again."""
        if self.caller_speaks or self.caller_took_turn or self._reply.over or self._reply.cut_words is None:
            return []
        self._reply.rewind()
        return self._flow()

    def mark_returned(self, name: str) -> list[Action]:
        """The carrier has played all before this mark, or cleared it: then its name is of an older cut."""
        reply = self._reply
        if reply.over or name != reply.mark or reply.cut_words is not None:
            return []
        return self._finish()

    # -- the agents

    def begin_greeting(self) -> None:
        """Open turn 0, in which only the edge itself speaks."""
        self._reply = self._new_reply()

    def chunk(self, turn: int, text: str, *, agent: str = "", voice: str = "") -> list[Action]:
        """A sentence of the reply of this turn."""
        reply = self._reply
        if turn != self.turn or reply.over or reply.complete or not text.strip():
            return []
        reply.agent = agent or reply.agent
        reply.waiting.append(Say(turn, text.strip(), voice))
        return self._flow()

    def pause(self, turn: int) -> list[Action]:
        """The agents do something else before they go on with this reply."""
        if turn != self.turn or self._reply.over or self._reply.complete:
            return []
        self._reply.waiting.append(EndSpeech())
        return self._flow()

    def press_keys(self, turn: int, keys: str) -> list[Action]:
        """The agents press keys in their reply; what no telephone has is left out: any consumer may ask for keys."""
        keys = "".join(key for key in keys if key in _KEYS)
        if not keys or turn != self.turn or self._reply.over or self._reply.complete:
            return []
        self._reply.waiting += [EndSpeech(), PressKeys(keys)]
        return self._flow()

    def completed(self, turn: int) -> list[Action]:
        """All chunks of this reply are there."""
        reply = self._reply
        if turn != self.turn or reply.over or reply.complete:
            return []
        reply.complete = True
        return self._flow() if reply.started or reply.waiting else self._finish()

    def ending_requested(self, turn: int, ending: Ending) -> list[Action]:
        """The agent wants this once its words of this turn were played; the caller's words void it."""
        if turn != self.turn or self._reply.over:
            return []
        self._reply.ending = ending
        return []

    # -- inside

    def _new_reply(self) -> _Reply:
        # a caller who speaks on already keeps it back until it shows whether these are words
        return _Reply(self.turn, cut_words=[] if self.caller_speaks else None)

    def _confirmed(self, text: str) -> list[Action]:
        reply = self._reply
        reply.predicted = ""
        reply.cut_words = [] if self.caller_speaks else None
        return [TurnBegan(self.turn, text, predicted=True), *self._flow()]

    def _flow(self) -> list[Action]:
        reply = self._reply
        if self.caller_speaks or reply.cut_words is not None:
            return []
        actions: list[Action] = list(reply.waiting)
        reply.said += [item for item in reply.waiting if isinstance(item, Say)]
        reply.waiting = []
        if reply.complete and not reply.mark:
            reply.mark = f"{reply.turn}.{reply.cuts}"
            actions += [EndSpeech(), SendMark(reply.mark)]
        return actions

    def _end_reply(self) -> list[Action]:
        reply = self._reply
        if reply.over:
            return []
        reply.over = True
        return [Cut(reply.turn, reply.heard_after(reply.cut_words or []))]

    def _finish(self) -> list[Action]:
        reply = self._reply
        reply.over = True
        actions: list[Action] = [Played(reply.turn, reply.text, reply.agent)] if reply.started else []
        return actions if reply.ending is None else [*actions, reply.ending]
