"""Speech to text by Deepgram's streaming API."""

import asyncio
import time
from typing import Any

from orchestra.voice.engines.deepgram.early_finalize import EarlyFinalizeSTT
from orchestra.voice.engines.failover import AnswerTimeout

#: a broken connection is replaced immediately at most this often, in seconds
_REPLACE_EVERY_S = 10.0
#: a call waits this long for the connection and then starts without it, in seconds
CONNECT_S = 2.0


class ReconnectingDeepgramSTT(AnswerTimeout, EarlyFinalizeSTT):
    """Deepgram's service, which reconnects immediately if its socket breaks during a call.

    The stock service waits 4 s before it connects again, and the caller is not heard meanwhile. Here the connection is
    replaced immediately and gets the audio that came in between; one that breaks again soon is left to the stock
    service's backing off.
    """

    vendor = "Deepgram"
    _replaced_at = float("-inf")
    _replacing: asyncio.Task[None] | None = None

    async def _on_message(self, message: Any) -> None:
        await self._answered()
        if not self._retired:
            await super()._on_message(message)

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
