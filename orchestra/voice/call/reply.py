"""The reply to one turn: what of it waits, what is being said, and what was heard."""

from dataclasses import dataclass, field

from orchestra.history.ending import Ending
from orchestra.language.spoken_pieces import count_pieces, join_pieces
from orchestra.language.utterance import is_question
from orchestra.voice.call.actions import FlushSpeech, Say, SendDtmf


def count_words(reply_heard: list[str]) -> int:
    """The number of words (`split_pieces`): an item holds several if the engine does not time each one."""
    return len(" ".join(reply_heard).split())


@dataclass(slots=True)
class Reply:
    """The reply to one turn, and how much of it has been played."""

    turn: int
    waiting: list[Say | FlushSpeech | SendDtmf] = field(default_factory=list)  # accepted, not yet given to the pipeline
    said: list[Say] = field(default_factory=list)  # given to the pipeline since the last cut
    heard: list[str] = field(default_factory=list)  # sentences played to the end before the last cut
    agent: str = ""
    voice: str = ""
    complete: bool = False
    mark: str = ""
    cuts: int = 0
    ending: Ending | None = None
    over: bool = False  # played, or ended by the caller's words
    phrase: bool = False  # only a phrase of the edge's own, for a waiting caller
    cut_words: list[str] | None = None  # words played at a cut that may turn out to be noise
    audio_paused: bool = False  # what was cut is kept as audio, and can go on from the word
    predicted: str = ""  # the caller's words so far: the reply is held back until their turn is over
    prepared: bool = False  # the pipeline has its first sentence, whose speech is held until it is said

    @property
    def text(self) -> str:
        """The whole reply so far."""
        return " ".join([*self.heard, *(say.text for say in self.said)])

    @property
    def words_said(self) -> int:
        """How many words have been given to the pipeline since the last cut."""
        return sum(count_pieces(say.text) for say in self.said)

    @property
    def started(self) -> bool:
        """Whether any of it has been given to the TTS engine."""
        return bool(self.heard or self.said)

    def rewind(self) -> None:
        """Queue again what was cut, from the sentence that contains the last word played; not what is held as audio."""
        if self.audio_paused:
            self.audio_paused, self.cut_words = False, None
            return
        words = count_words(self.cut_words or [])
        said, self.said, self.mark, self.cut_words = self.said, [], "", None
        while said and words >= count_pieces(said[0].text):
            words -= count_pieces(said[0].text)
            self.heard.append(said.pop(0).text)
        if said:
            said_again: list[Say | FlushSpeech | SendDtmf] = [*said, FlushSpeech()]
            self.waiting = said_again + self.waiting

    def sentences_heard(self, words: int) -> list[str]:
        """The sentences that are complete once this many words in flight have been played."""
        whole = list(self.heard)
        for say in self.said:
            words -= count_pieces(say.text)
            if words < 0:
                break
            whole.append(say.text)
        return whole

    def heard_after(self, words: list[str]) -> str:
        """What the caller has heard once these words in flight have been played."""
        return " ".join([*self.heard, *filter(None, [join_pieces(words)])])

    def has_asked(self, words: int) -> bool:
        """Whether it waits for an answer once this many words in flight have been played.

        It does while a question is being asked, and until the sentence after it has been heard.
        """
        begun = list(self.heard)
        for say in self.said:
            if begun and words <= 0:
                break
            words -= count_pieces(say.text)
            begun.append(say.text)
        return is_question(" ".join(begun[-2:]))
