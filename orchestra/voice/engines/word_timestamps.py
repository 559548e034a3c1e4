"""The words of a reply as the engine times them, without searching for each in the text.

Pipecat 1.14 follows every timed word through three versions of a text (what the model wrote, what is shown, what is
spoken), which blocks the event loop for some milliseconds per word. Here the text is already in its spoken form, so
the three are the same, and words are only counted.
"""

from typing import Any

from pipecat.frames.frames import AggregatedTextFrame, Frame, TTSTextFrame
from pipecat.services.tts_service import TTSService
from pipecat.utils.context.aggregated_frame_sequencer import AggregatedFrameSequencer
from pipecat.utils.text.base_text_aggregator import TextType

#: after 3 s without audio Pipecat would assume that everything was spoken; late speech is handled by the call itself
LATEST_AUDIO_S = 9.0


class WordCountSequencer(AggregatedFrameSequencer):
    """Replaces Pipecat's sequencer: for each context being spoken, it keeps the words that have no time yet."""

    def __init__(self) -> None:
        super().__init__()
        self._untimed: dict[str, list[str]] = {}

    async def register_spoken(  # noqa: D102 - the stock one's
        self, frame: AggregatedTextFrame, context_id: str, tts_text: str, *_: Any, **__: Any
    ) -> list[Frame]:
        del frame
        self._untimed.setdefault(context_id, []).extend(tts_text.split())
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
        del untimed[: len(word.split())]
        return [_timed(word, pts, context_id)]

    def force_complete(self, context_id: str, last_word_pts: int) -> list[Frame]:
        """The context has ended: words without a time get the time of the last word that had one."""
        untimed = self._untimed.pop(context_id, [])
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
        self._aggregated_frame_sequencer = WordCountSequencer()


def _timed(text: str, pts: int, context_id: str | None) -> TTSTextFrame:
    frame = TTSTextFrame(text, text_type=TextType.WORD)
    frame.pts = pts
    frame.context_id = context_id
    return frame
