"""The words of a reply as the engine times them, without searching for each in the text.

Pipecat 1.14 follows every timed word through three versions of a text (what the model wrote, what is shown, what is
spoken), which blocks the event loop for some milliseconds per word. Here the text is already in its spoken form, and
words are only counted, also where an app has some of them said otherwise than they are written.
"""

from collections.abc import Callable
from typing import Any

from pipecat.frames.frames import AggregatedTextFrame, Frame, TTSTextFrame
from pipecat.services.tts_service import TTSService
from pipecat.utils.context.aggregated_frame_sequencer import AggregatedFrameSequencer
from pipecat.utils.text.base_text_aggregator import TextType

from orchestra.language.spoken_pieces import count_pieces, split_pieces
from orchestra.pronunciations import AS_WRITTEN, Piece, Pronunciations

#: after 3 s without audio Pipecat would assume that everything was spoken; late speech is handled by the call itself
LATEST_AUDIO_S = 9.0


class WordCountSequencer(AggregatedFrameSequencer):
    """Replaces Pipecat's sequencer: for each context being spoken, it keeps the words that have no time yet.

    Args:
        pieces: the words of a text as they are written and as the engine gets them.

    """

    def __init__(self, pieces: Callable[[str], list[Piece]] = AS_WRITTEN.pieces) -> None:
        super().__init__()
        self._pieces = pieces
        self._untimed: dict[str, list[str]] = {}  # what is written for each word that the engine gets

    async def register_spoken(  # noqa: D102 - the stock one's
        self, frame: AggregatedTextFrame, context_id: str, tts_text: str, *_: Any, **__: Any
    ) -> list[Frame]:
        del tts_text
        untimed = self._untimed.setdefault(context_id, [])
        for written, said in self._pieces(frame.text):
            pieces, times = split_pieces(written), count_pieces(said)
            untimed += pieces if len(pieces) == times else [" ".join(pieces), *[""] * (times - 1)]
        return []

    def process_word(  # noqa: D102 - the stock one's
        self,
        word: str,
        pts: int,
        context_id: str | None = None,
        includes_inter_frame_spaces: bool = False,
    ) -> list[Frame]:
        del includes_inter_frame_spaces
        untimed = self._untimed.get(context_id or "")
        if untimed is None:
            return []  # the context is over
        count = count_pieces(word)
        written = " ".join(filter(None, untimed[:count])) if untimed else word
        del untimed[:count]
        return [_timed(written, pts, context_id)] if written else []

    def force_complete(self, context_id: str, last_word_pts: int) -> list[Frame]:
        """The context has ended: words without a time get the time of the last word that had one."""
        untimed = list(filter(None, self._untimed.pop(context_id, [])))
        return [_timed(" ".join(untimed), last_word_pts, context_id)] if untimed else []

    def clear(self, *, keep_contexts: set[str] | None = None) -> None:
        """Forget the interrupted contexts."""
        super().clear(keep_contexts=keep_contexts)
        keep = keep_contexts or set()
        self._untimed = {context: words for context, words in self._untimed.items() if context in keep}


class WordCountingTTS(TTSService):
    """Counts words: mix it in before the class of a service that gives word timestamps."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._pronunciations: Callable[[], Pronunciations] = lambda: AS_WRITTEN
        self._aggregated_frame_sequencer = WordCountSequencer(self._pieces)
        self.add_text_transformer(self._as_said)

    @property
    def ipa(self) -> str:
        """How the voice takes IPA in a text, as a format; empty: it does not."""
        return ""

    def pronounce(self, pronunciations: Callable[[], Pronunciations]) -> None:
        """Say words as these have them, which may change; their times are those of the words that are written."""
        self._pronunciations = pronunciations

    def _pieces(self, text: str) -> list[Piece]:
        return self._pronunciations().pieces(text, self.ipa)

    async def _as_said(self, text: str, _text_type: str) -> str:
        return self._pronunciations().say(text, self.ipa)


def _timed(text: str, pts: int, context_id: str | None) -> TTSTextFrame:
    frame = TTSTextFrame(text, text_type=TextType.WORD)
    frame.pts = pts
    frame.context_id = context_id
    return frame
