"""Speech to text by Deepgram's streaming API."""

import asyncio
import time
from collections import Counter
from contextlib import suppress
from typing import Any

from deepgram.listen.v1.types import ListenV1Results
from pipecat.services.deepgram.stt import DeepgramSTTSettings
from pipecat.transcriptions.language import Language
from pipecat.utils.types import is_given

from orchestra.language.tags import base_of
from orchestra.voice.engines.deepgram.early_finalize import EarlyFinalizeSTT
from orchestra.voice.engines.deepgram.languages import nova_code, nova_numerals
from orchestra.voice.engines.deepgram.one_in_words import OneInWords
from orchestra.voice.engines.failover import AnswerTimeout

#: a broken connection is replaced immediately at most this often, in seconds
_REPLACE_EVERY_S = 10.0
#: a call waits this long for the connection and then starts without it, in seconds
CONNECT_S = 2.0


class ReconnectingDeepgramSTT(AnswerTimeout, OneInWords, EarlyFinalizeSTT):
    """Deepgram's service, which reconnects immediately if its socket breaks during a call.

    The stock service waits 4 s before it connects again, and the caller is not heard meanwhile. Here the connection is
    replaced immediately and gets the audio that came in between; one that breaks again soon is left to the stock
    service's backing off. A change of the language replaces it, too, once the caller does not speak.
    """

    vendor = "Deepgram"
    _replaced_at = float("-inf")
    _replacing: asyncio.Task[None] | None = None

    def __init__(self, language: str, *, settings: DeepgramSTTSettings, **options: Any) -> None:
        settings.apply_update(_in_language(language))
        super().__init__(settings=settings, **options)
        self.hears = language

    async def _update_settings(self, delta: Any) -> dict[str, Any]:
        if is_given(delta.language):
            self.hears = str(delta.language)
            delta = _in_language(self.hears)
        changed: dict[str, Any] = await super()._update_settings(delta)
        return changed

    async def _on_message(self, message: Any) -> None:
        await self._answered()
        if not self._retired:
            await super()._on_message(_with_main_language(message))

    async def _connect(self) -> None:
        # the stock service keeps the whole call waiting until it has connected or given up
        try:
            async with asyncio.timeout(CONNECT_S):
                await super()._connect()  # type: ignore[no-untyped-call]
        except TimeoutError:
            await self._report_unanswered(f"Deepgram did not answer within {CONNECT_S:.0f} s")

    async def retire(self) -> None:
        """Retire, and stop reconnecting."""
        if self._replacing is not None:
            await self.cancel_task(self._replacing)
        await super().retire()

    async def _on_error(self, error: Exception) -> None:
        await super()._on_error(error)  # type: ignore[no-untyped-call]
        now = time.monotonic()
        if now - self._replaced_at >= _REPLACE_EVERY_S:
            self._replaced_at = now
            self._connection = None
            self._replacing = self.create_task(self._reconnect(), "deepgram-reconnect")  # type: ignore[no-untyped-call]

    async def cleanup(self) -> None:
        """Release the connection."""
        if self._replacing is not None:
            await self.cancel_task(self._replacing)
        await super().cleanup()


def _in_language(language: str) -> DeepgramSTTSettings:
    return DeepgramSTTSettings(language=nova_code(language), numerals=nova_numerals(language))


def _with_main_language(message: Any) -> Any:
    """The result with the one language that most of its words are in, in a form that Pipecat can read."""
    channel = message.channel if isinstance(message, ListenV1Results) else None
    if channel is None or not any(part.languages for part in channel.alternatives):
        return message
    alternatives = [part.model_copy(update={"languages": _main_language(part)}) for part in channel.alternatives]
    return message.model_copy(update={"channel": channel.model_copy(update={"alternatives": alternatives})})


def _main_language(alternative: Any) -> list[str]:
    by_word = Counter(word.language for word in alternative.words or [] if word.language)
    said = [language for language, _ in by_word.most_common(1)] or list(alternative.languages or [])
    return [known for tag in said[:1] if (known := pipecat_language(tag))]


def pipecat_language(tag: str) -> Language | None:
    """The tag, or its language alone, as Pipecat has it; None if it has neither."""
    for known in (tag, base_of(tag)):
        with suppress(ValueError):
            return Language(known)
    return None
