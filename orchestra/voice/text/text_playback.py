"""How much of a text the carrier has said, as far as it tells."""

from collections.abc import Callable

from orchestra.language.spoken_pieces import JOINER, join_pieces, split_pieces
from orchestra.voice.text.heard_words import words_heard

#: slower than voices speak: a goodbye is not cut short, and at worst a sentence is said again after a lost stream
_CHARACTERS_PER_S = 11.0
#: the same for a character of a script without spaces
_SYLLABLE_S = 0.25
#: from a text to its first sound, and what a line delays
_FIRST_SOUND_S = 0.6
#: a carrier that tells what it plays is believed for this much longer than the text should take
_LATE_S = 10.0
#: a voice that has been silent for this long has no more to say
_SILENT_S = 1.2


class TextPlayback:
    """The agent's words on their way to the caller: see `Playback`.

    ::

        sent        One two three.  Four five.
        reported    ..............                 `WordsPlayed`, where the carrier sends it
        by clock    ........................       otherwise: at a slow speaker's pace
        cut         .......                        `AgentCut` says what was heard, whatever was thought before

    Args:
        monotonic: the clock, in seconds.

    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._words: list[str] = []
        self._ends: list[float] = []  # when each is over by the clock
        self._reported = 0  # words that the carrier has said for sure
        self._reports = False  # it tells what it plays
        self._sent_at = 0.0
        self._spoke = False  # the agent's voice was heard since the last text
        self._silent_since: float | None = None
        self._before = 0  # words of replies before this one
        self._cut = False
        self.queued_ms = 0.0

    @property
    def sent_ms(self) -> float:
        """Milliseconds of speech that the carrier was given."""
        return self.queued_ms

    @property
    def words_with_audio(self) -> int:
        """How many words of this reply the carrier was given."""
        return len(self._words) - self._before

    def send(self, text: str) -> None:
        """The carrier is given this text."""
        now = self._monotonic()
        end = max(now + _FIRST_SOUND_S, self._ends[-1] if self._ends else 0.0)
        for word in split_pieces(text):
            seconds = _SYLLABLE_S if word.startswith(JOINER) else (len(word) + 1) / _CHARACTERS_PER_S
            end += seconds
            self.queued_ms += seconds * 1000
            self._words.append(word)
            self._ends.append(end)
        self._sent_at, self._spoke, self._cut = now, False, False

    def played(self, text: str) -> None:
        """The carrier has said this."""
        self._reports = True
        if not self._cut:
            self._reported = words_heard(self._words, text, self._reported)

    def agent_speaks(self, speaks: bool) -> None:
        """The agent's voice is heard, or no longer."""
        self._spoke = self._spoke or speaks
        self._silent_since = None if speaks else self._monotonic()

    def cut(self, heard: str) -> None:
        """The caller has interrupted, and has ``heard`` this: the rest is not said."""
        self._reported = words_heard(self._words, heard, self._reported)
        self._cut = True

    def take_rest(self) -> str:
        """What a cut has left unsaid, which is to be sent again; empty where nothing was cut."""
        if not self._cut:
            return ""
        rest = self._words[self._reported :]
        del self._words[self._reported :], self._ends[self._reported :]
        return join_pieces(rest)

    @property
    def _heard(self) -> int:
        """How many words the caller has heard."""
        if self._cut or self._reports:
            return self._reported
        now = self._monotonic()
        return max(self._reported, sum(end <= now for end in self._ends))

    @property
    def finished(self) -> bool:
        """Whether the caller has heard all of it, or will hear no more."""
        if self._heard >= len(self._words):
            return True
        now = self._monotonic()
        silent = self._silent_since is not None and now - max(self._silent_since, self._sent_at) > _SILENT_S
        return (self._spoke and silent) or now > self._ends[-1] + (_LATE_S if self._reports else 0.0)

    def reply_heard(self) -> list[str]:
        """The words of this reply that the caller has heard."""
        return self._words[self._before : max(self._before, self._heard)]

    def begin_reply(self) -> None:
        """Another reply follows."""
        self._before = len(self._words)

    def clear(self) -> None:
        """What was not said will not be said, or another reply takes its place: start counting from 0."""
        self._words, self._ends = [], []
        self._reported = self._before = 0
        self._cut = False
        self.queued_ms = 0.0

    def since_caller_sound(self, ago_s: float) -> float:
        """How many seconds ago the caller's last sound was: the carrier says it."""
        return ago_s
