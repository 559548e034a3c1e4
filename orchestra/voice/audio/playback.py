"""Which words of a reply the caller has heard: words are placed in the audio that is sent."""

from dataclasses import dataclass, field
from typing import NamedTuple

#: an engine may give one time stamp to several words: each that was spoken has at least this much audio, in ms
_SHORTEST_WORD_MS = 80.0


class _Word(NamedTuple):
    start_ms: float
    end_ms: float | None  # None: it ends where the next word begins, or with its speech
    text: str


@dataclass(slots=True)
class _Speech:
    """One stretch of synthesized speech: its position in the outgoing audio, and its words."""

    start_ms: float
    end_ms: float
    words: list[_Word] = field(default_factory=list)

    def until(self, played_ms: float) -> list[str]:
        heard: list[str] = []
        for following, word in enumerate(self.words, start=1):
            next_ms = self.words[following].start_ms if following < len(self.words) else self.end_ms
            if (next_ms if word.end_ms is None else word.end_ms) <= played_ms and (text := self._with_audio(word)):
                heard.append(text)
        return heard

    @property
    def sounding(self) -> int:
        """How many of its words have audio."""
        return sum(len(self._with_audio(word).split()) for word in self.words)

    def _with_audio(self, word: _Word) -> str:
        """The part of it that can have audio: engines also report words that they gave up on."""
        if self.end_ms <= self.start_ms:
            return ""
        several = word.text.split()
        if word.end_ms is not None or len(several) <= 1:
            return word.text
        return " ".join(several[: 1 + int(max(0.0, self.end_ms - word.start_ms) / _SHORTEST_WORD_MS)])


class PlaybackTracker:
    """Follows a reply's audio from the speech engine to the caller.

    ::

        queued   |-- speech 1 ---------|-- speech 2 -----|      positions in the outgoing audio, in ms
        words     Your  parcel  is      in  Denver.
        played   ------------------^                            "Your parcel" was heard, "is" not to its end

    A word's time is relative to its own speech, and its position is counted in audio. Wall-clock time would be wrong:
    a second sentence is synthesized while the first is played, and a tool call may pause between two.
    """

    def __init__(self) -> None:
        self._speeches: list[_Speech] = []
        self._open: dict[str, _Speech] = {}
        self._queued_ms = 0.0

    def begin_speech(self, speech: str) -> None:
        """A stretch of speech begins; an earlier one of the same name has ended."""
        self._open[speech] = _Speech(self._queued_ms, self._queued_ms)
        self._speeches.append(self._open[speech])

    def queue_audio(self, speech: str, duration_ms: float) -> None:
        """Audio of this speech was queued for sending."""
        stretch = self._named(speech)
        self._queued_ms += duration_ms
        stretch.end_ms = self._queued_ms

    def pad(self, frame_ms: float) -> None:
        """The last frame was padded with silence."""
        self._queued_ms = -(-round(self._queued_ms, 3) // frame_ms) * frame_ms

    def place_word(self, speech: str, text: str, after_ms: float | None) -> None:
        """A word begins ``after_ms`` into its speech. None: these words end where the audio queued so far ends."""
        stretch = self._named(speech)
        if after_ms is None:
            stretch.words.append(_Word(stretch.end_ms, stretch.end_ms, text))
        else:
            stretch.words.append(_Word(stretch.start_ms + after_ms, None, text))

    def words_played(self, played_ms: float) -> list[str]:
        """The words that were played to the end once ``played_ms`` of the outgoing audio was played."""
        return [text for speech in self._speeches for text in speech.until(played_ms)]

    def word_start_ms(self, played_ms: float) -> float:
        """Where the word begins that is being played at this position; the position itself between two words."""
        for speech in self._speeches:
            if speech.start_ms <= played_ms < speech.end_ms:
                started = [word.start_ms for word in speech.words if word.end_ms is None and word.start_ms <= played_ms]
                return started[-1] if started else played_ms
        return played_ms

    @property
    def word_count(self) -> int:
        """How many words have audio since the last `clear`."""
        return sum(speech.sounding for speech in self._speeches)

    @property
    def queued_ms(self) -> float:
        """Milliseconds of audio queued since the last `clear`."""
        return self._queued_ms

    def clear(self) -> None:
        """The reply was interrupted or is over: start counting from 0."""
        self._speeches.clear()
        self._open.clear()
        self._queued_ms = 0.0

    def _named(self, speech: str) -> _Speech:
        if speech not in self._open:
            self.begin_speech(speech)
        return self._open[speech]
