"""The person to whom a SIP call is transferred: a telephone of their own, which answers as a `TransferTarget` says."""

import asyncio
from types import TracebackType
from typing import Self

from orchestra.simulator.phone_line import FRAME_S, FRAME_SAMPLES
from orchestra.simulator.sip import Leg, Telephone
from orchestra.simulator.transfer_target import TransferTarget
from orchestra.voice.audio import mulaw

_SILENT_FRAME = bytes([mulaw.SILENCE]) * FRAME_SAMPLES
_PAUSE_S = 0.3


class SipPerson:
    """One person with a telephone, at an address that a gateway can call. They hang up once they have spoken.

    Attributes:
        target: how they answer.
        phone: their telephone.

    """

    def __init__(self) -> None:
        self.target = TransferTarget()
        self.phone = Telephone(user="anna", name="Anna", on_call=self._take)

    async def __aenter__(self) -> Self:
        """Plug the telephone in."""
        await self.phone.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Unplug it."""
        await self.phone.__aexit__(kind, error, trace)

    def answers_as(self, target: TransferTarget) -> TransferTarget:
        """Have them answer this way from now on. Returns it."""
        self.target = target
        return target

    async def _take(self, leg: Leg) -> None:
        if not self.target.answers:
            leg.refuse(480, "Temporarily Unavailable")
            return
        await leg.answer()
        pause = _SILENT_FRAME * round(_PAUSE_S / FRAME_S)
        words = pause + mulaw.encode(self.target.says) + pause
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        for number, start in enumerate(range(0, len(words), FRAME_SAMPLES), start=1):
            await asyncio.sleep(max(0.0, began_s + number * FRAME_S - loop.time()))
            if leg.end:
                return
            await leg.rtp.send_audio(words[start : start + FRAME_SAMPLES].ljust(FRAME_SAMPLES, _SILENT_FRAME[:1]))
        await leg.hang_up()
