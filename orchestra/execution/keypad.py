"""Collects the keys that callers press, for a tool that waits for them."""

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

NOTHING = "I did not get any digits."
_TOO_FEW = "I got only {count} digits."


class Key(NamedTuple):
    """A key that was pressed; ``secret``: in answer to a secret question."""

    digit: str
    secret: bool = False


class Collected(NamedTuple):
    """The keys that were ``pressed``; or a message for the agent, if they are too few. Some may be ``secret``."""

    text: str
    pressed: bool = True
    secret: bool = False


class Keypad:
    """Passes the keys of all active calls from the journal to the tool that collects them."""

    def __init__(self) -> None:
        self._collecting: dict[str, asyncio.Queue[Key]] = {}

    def is_collecting(self, call: str) -> bool:
        """Whether a tool waits for the keys of this call."""
        return call in self._collecting

    def press(self, call: str, key: Key) -> None:
        """A key was pressed; ignored if no tool waits for keys."""
        queue = self._collecting.get(call)
        if queue is not None:
            queue.put_nowait(key)

    def listen(self, call: str) -> asyncio.Queue[Key]:
        """Keep the keys that are pressed in this call from now on, for `collect`."""
        return self._collecting.setdefault(call, asyncio.Queue())

    async def collect(
        self,
        call: str,
        *,
        pressed: Iterable[Key] = (),
        length: int,
        terminator: str,
        first_within_s: float,
        next_within_s: float,
        all_within_s: float,
    ) -> Collected:
        """The keys that the caller presses.

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
        for key in pressed:
            queue.put_nowait(key)
        digits, secret = "", False
        try:
            while not length or len(digits) < length:
                async with asyncio.timeout(min(next_within_s if digits else first_within_s, until - loop.time())):
                    key = await queue.get()
                if key.digit == terminator:
                    break
                digits, secret = digits + key.digit, secret or key.secret
        except TimeoutError:
            pass  # a pause ends the digits
        finally:
            if self._collecting.get(call) is queue:
                del self._collecting[call]
        if not digits:
            return Collected(NOTHING, pressed=False)
        if length and len(digits) < length:
            return Collected(_TOO_FEW.format(count=len(digits)), pressed=False)
        return Collected(digits, secret=secret)
