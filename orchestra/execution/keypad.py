"""Collects the keys that callers press, for a tool that waits for them."""

import asyncio
from collections.abc import Iterable

NOTHING = "I did not get any digits."
_TOO_FEW = "I got only {count} digits."


class Keypad:
    """Passes the keys of all active calls from the journal to the tool that collects them."""

    def __init__(self) -> None:
        self._collecting: dict[str, asyncio.Queue[str]] = {}

    def press(self, call: str, digit: str) -> None:
        """A key was pressed; ignored if no tool waits for keys."""
        queue = self._collecting.get(call)
        if queue is not None:
            queue.put_nowait(digit)

    def listen(self, call: str) -> asyncio.Queue[str]:
        """Keep the keys that are pressed in this call from now on, for `collect`."""
        return self._collecting.setdefault(call, asyncio.Queue())

    async def collect(
        self,
        call: str,
        *,
        pressed: Iterable[str] = (),
        length: int,
        terminator: str,
        first_within_s: float,
        next_within_s: float,
        all_within_s: float,
    ) -> str:
        """The digits that the caller presses; or a message for the agent if there are too few.

        Args:
            call: the call's id.
            pressed: keys that were pressed before this worker began to wait.
            length: this many digits are enough; 0: any number, up to the terminator or a pause.
            terminator: the key after the last digit, ``#`` or ``*``; empty: none.
            first_within_s: seconds for the first key.
            next_within_s: seconds between two keys; a longer pause ends the digits.
            all_within_s: seconds in all.

        """
        loop = asyncio.get_running_loop()
        until = loop.time() + all_within_s
        queue = self.listen(call)
        for digit in pressed:
            queue.put_nowait(digit)
        digits = ""
        try:
            while not length or len(digits) < length:
                async with asyncio.timeout(min(next_within_s if digits else first_within_s, until - loop.time())):
                    digit = await queue.get()
                if digit == terminator:
                    break
                digits += digit
        except TimeoutError:
            pass  # a pause ends the digits
        finally:
            if self._collecting.get(call) is queue:
                del self._collecting[call]
        if not digits:
            return NOTHING
        return digits if not length or len(digits) >= length else _TOO_FEW.format(count=len(digits))
