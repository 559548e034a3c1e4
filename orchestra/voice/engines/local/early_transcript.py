"""The transcript of a stretch of speech, made in the pause that probably ends it instead of after it.

::

    caller      speaks |-- silent --------|
    transcript         |=========| early
    VAD                         stretch over: the early transcript is its transcript

If the caller goes on, the stretch is transcribed again as a whole. That costs a run of the model, so a call whose early
transcripts are seldom of use makes fewer of them, and a busy machine none.
"""

import asyncio
from collections.abc import Awaitable, Callable

from orchestra.errors import EngineError

#: transcripts that may be in vain in one stretch of speech, and in a call before any was of use
_VAIN_PER_STRETCH, _VAIN_PER_CALL = 1, 2


class EarlyTranscripts:
    """Those of one call.

    Args:
        transcribe: gives the words in audio; raises EngineError.
        on_words: called with early words, unless the stretch has ended or gone on meanwhile.

    """

    def __init__(
        self, transcribe: Callable[[bytes], Awaitable[str]], on_words: Callable[[str], Awaitable[None]]
    ) -> None:
        self._transcribe = transcribe
        self._on_words = on_words
        self._current: asyncio.Task[str | None] | None = None
        self._of_stretch: dict[bytes, asyncio.Task[str | None]] = {}
        self._vain_in_stretch = 0
        self._vain = self._used = 0
        self._tasks: set[asyncio.Task[str | None]] = set()

    @property
    def affordable(self) -> bool:
        """Whether a transcript may be made that is perhaps in vain."""
        return self._vain_in_stretch <= _VAIN_PER_STRETCH and self._vain < _VAIN_PER_CALL + self._used

    def begin(self, audio: bytes, create_task: Callable[..., asyncio.Task[str | None]]) -> None:
        """Transcribe a stretch of speech that is probably over."""
        self._current = task = create_task(self._run(audio), "early-transcript")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def went_on(self) -> None:
        """The caller went on: the stretch was not over."""
        if self._current is not None:
            self._current = None
            self._vain_in_stretch += 1
            self._vain += 1

    def stretch_ended(self, audio: bytes) -> None:
        """The stretch of speech is over; ``audio`` is all of it, with which `words_of` is called later."""
        self._vain_in_stretch = 0
        if self._current is not None:
            self._of_stretch[audio], self._current = self._current, None
            self._used += 1

    async def words_of(self, audio: bytes) -> str:
        """The words of a stretch: the early ones if there are any. Raises EngineError."""
        early = self._of_stretch.pop(audio, None)
        words = None if early is None else await early
        return await self._transcribe(audio) if words is None else words

    async def close(self, cancel_task: Callable[[asyncio.Task[str | None]], Awaitable[object]]) -> None:
        """Drop what is being transcribed."""
        for task in set(self._tasks):
            await cancel_task(task)

    async def _run(self, audio: bytes) -> str | None:
        try:
            words = await self._transcribe(audio)
        except EngineError:
            return None  # another attempt follows at the end of the stretch
        if words and self._current is asyncio.current_task():
            await self._on_words(words)
        return words
