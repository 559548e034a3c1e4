"""The dialogue in which a value is captured: what follows from the caller's words. Pure: no clock, no bus, no model.

::

    agent    Which parcel is it?                                      PendingCapture
    caller   four three
    agent    4 3. Go on, please.                                      part="43"
    caller   seven one
    agent    4 3 7 1. Is that right?                                  value="4371"
    caller   no, four two
    agent    4 2 7 1. Is that right?                                  value="4271"
    caller   yes                                                      Captured("4271")
"""

from dataclasses import dataclass

import msgspec

from orchestra.agents.capture.choice import YesNo, says_no, says_yes
from orchestra.agents.capture.corrections import without_idioms
from orchestra.agents.capture.kinds import Heard, Kind, Setting
from orchestra.language.values.tokens import has_phrase
from orchestra_schemas import ToolCall

#: most questions of one dialogue, corrections and parts among them
_ROUNDS = 12
#: most characters of an answer that are understood: nobody dictates more in one turn
_LONGEST_ANSWER = 600


class PendingCapture(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value that the caller is being asked for.

    Attributes:
        tool: name of the tool that asks.
        turn: number of the turn in which the caller was asked last.
        question: what the caller is asked.
        said: what they were told last, as it was spoken.
        value: what was read back and waits for their yes; empty before that.
        part: the beginning of a value that was said in parts.
        misses: how often nothing usable was heard.
        rounds: how often they were asked anything.
        unheard: they spoke before the end of what was read back, and cannot have agreed to it.
        secret: ``value`` and ``part`` only say whether there is one.
        keyed: the caller may press keys instead of speaking.
        then: the tool call that waits for the value.

    """

    tool: str
    turn: int
    question: str
    said: str = ""
    value: str = ""
    part: str = ""
    misses: int = 0
    rounds: int = 0
    unheard: bool = False
    secret: bool = False
    keyed: bool = False
    then: ToolCall | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """The caller is told this, and the dialogue goes on as ``pending``."""

    say: str
    pending: PendingCapture


@dataclass(frozen=True, slots=True)
class KeysWanted:
    """The caller is asked for the value by the telephone's keys."""

    say: str
    pending: PendingCapture


@dataclass(frozen=True, slots=True)
class Captured:
    """The value is there."""

    value: str


@dataclass(frozen=True, slots=True)
class Declined:
    """The caller does not know the value, or wants something else."""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """The caller was not understood often enough."""


Step = Asked | KeysWanted | Captured | Declined | GivenUp


class CaptureDialogue:
    """The rules of one capture.

    Args:
        kind: what is asked for.
        tries: how many times in a row nothing usable may be heard.
        reads_back: whether the caller has to agree to the value.
        keys: whether the keys may be asked for.
        secret: whether parts of the value are not repeated.

    """

    def __init__(self, kind: Kind, *, tries: int, reads_back: bool, keys: bool, secret: bool = False) -> None:
        self._kind = kind
        self._secret = secret
        self._tries = tries
        self._reads_back = reads_back
        self._keys = keys and kind.keyed

    def advance(self, pending: PendingCapture, text: str, setting: Setting) -> Step:
        """What follows from the caller's words."""
        if pending.rounds >= _ROUNDS:
            return GivenUp()
        text = text[:_LONGEST_ANSWER]
        return self._confirm(pending, text, setting) if pending.value else self._listen(pending, text, setting)

    def keyed(self, pending: PendingCapture, keys: str, setting: Setting) -> Step:
        """What follows from the keys that the caller pressed; empty: none. Keys need no confirmation."""
        heard = self._of_keys(pending, keys, setting) if keys else Heard()
        if heard.value:
            return Captured(heard.value)
        if heard.part and not heard.invalid and self._kind.asks(heard.part) != self._kind.name:
            return self._go_on(pending, heard.part, setting)
        again = msgspec.structs.replace(pending, misses=pending.misses + 1)
        return self._missed(again, setting, invalid=bool(keys))

    def _listen(self, pending: PendingCapture, said: str, setting: Setting) -> Step:
        text = self._kind.wanted(said, setting)
        heard = self._kind.join(pending.part, text, setting) if pending.part else self._kind.read(text, setting)
        if heard.value and not isinstance(self._kind, YesNo) and has_phrase(said, setting.values.unwilling):
            heard = Heard()
        if heard.value:
            return self._read_back(pending, heard.value, setting)
        if heard.part and not heard.invalid:
            return self._go_on(pending, heard.part, setting)
        if has_phrase(said, setting.values.unwilling):
            return Declined()
        part = heard.part if heard.invalid else pending.part
        missed = msgspec.structs.replace(pending, misses=pending.misses + 1, part=part)
        return self._missed(missed, setting, invalid=heard.invalid)

    def _of_keys(self, pending: PendingCapture, keys: str, setting: Setting) -> Heard:
        return self._kind.join(pending.part, keys, setting) if pending.part else self._kind.from_keys(keys, setting)

    def _go_on(self, pending: PendingCapture, part: str, setting: Setting) -> Asked:
        """A part was heard: there is more to come, of itself or of what is asked for next."""
        phrases, asks = setting.values.phrases, self._kind.asks(part)
        if asks != self._kind.name:
            return _asked(msgspec.structs.replace(pending, part=part, misses=0), phrases.questions[asks])
        said = phrases.go_on.format(value=self._part_said(part, setting)).lstrip(". ")
        return _asked(msgspec.structs.replace(pending, part=part), said)

    def _question(self, pending: PendingCapture, setting: Setting) -> str:
        """What the caller is asked again: that of the part which is missing."""
        asks = self._kind.asks(pending.part)
        return pending.question if asks == self._kind.name else setting.values.phrases.questions[asks]

    def _part_said(self, part: str, setting: Setting) -> str:
        if self._secret:
            return ""
        return self._kind.say(part, setting) if part.isdigit() else " ".join(part)

    def _confirm(self, pending: PendingCapture, text: str, setting: Setting) -> Step:
        """The caller has heard a value: they agree, correct it, or both."""
        values = setting.values
        yes, no = says_yes(text, values), says_no(text, values)
        corrected = self._kind.correct(pending.value, without_idioms(text, values), setting)
        changed = bool(corrected) and corrected.casefold() != pending.value.casefold()
        if changed and not (yes and len(corrected) <= 1):
            return self._read_back(msgspec.structs.replace(pending, misses=0), corrected, setting)
        if yes or (corrected and not no):
            return self._read_back(pending, pending.value, setting) if pending.unheard else Captured(pending.value)
        missed = msgspec.structs.replace(pending, misses=pending.misses + 1)
        if has_phrase(text, values.unwilling):
            return Declined()
        if not no:
            again = self._read_back(missed, pending.value, setting)
            return GivenUp() if missed.misses >= self._tries else again
        emptied = msgspec.structs.replace(missed, value="", part="")
        if missed.misses >= self._tries or self._wants_keys(missed):
            return self._missed(emptied, setting, invalid=False)
        return _asked(emptied, values.phrases.wrong.format(question=self._question(emptied, setting)))

    def _read_back(self, pending: PendingCapture, value: str, setting: Setting) -> Step:
        if not self._reads_back:
            return Captured(value)
        said = setting.values.phrases.right.format(value=self._kind.say(value, setting))
        return _asked(msgspec.structs.replace(pending, value=value, part=""), said)

    def _wants_keys(self, pending: PendingCapture) -> bool:
        return self._keys and pending.misses == max(1, self._tries - 1)

    def _missed(self, pending: PendingCapture, setting: Setting, *, invalid: bool) -> Step:
        """Ask again, in another way each time; give up after the last try."""
        phrases = setting.values.phrases
        if pending.misses >= self._tries:
            return GivenUp()
        if self._wants_keys(pending):
            return KeysWanted(phrases.keys, _again(pending))
        if self._kind.spells and pending.misses > 1:
            return _asked(pending, phrases.again.format(question=phrases.spell))
        form = phrases.invalid if invalid else phrases.again
        return _asked(pending, form.format(question=self._question(pending, setting)))


def _again(pending: PendingCapture) -> PendingCapture:
    return msgspec.structs.replace(pending, rounds=pending.rounds + 1, unheard=False)


def _asked(pending: PendingCapture, say: str) -> Asked:
    return Asked(say, _again(pending))
