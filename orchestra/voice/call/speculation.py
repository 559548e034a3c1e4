"""How much of a reply is made while the caller's turn is only probably over."""

from collections.abc import Callable
from typing import Literal


class Speculation:
    """What an edge's calls may make ahead of the end of a turn. A busy edge makes nothing ahead.

    Args:
        level: the most that is made: nothing, the agents' answer (``prompt``), or also the first sentence's speech.
        is_busy: whether the machine has no time to spare. It is asked for each predicted turn, so it must be quick.

    """

    def __init__(
        self, level: Literal["off", "prompt", "speech"] = "speech", is_busy: Callable[[], bool] = lambda: False
    ) -> None:
        self._level: Literal["off", "prompt", "speech"] = level
        self._is_busy = is_busy

    @property
    def prompts(self) -> bool:
        """Whether the agents may be asked before the turn is over."""
        return self._level != "off" and not self._is_busy()

    def without_speech(self) -> "Speculation":
        """The same for a call whose speech is made by its carrier."""
        return Speculation("off" if self._level == "off" else "prompt", self._is_busy)

    @property
    def speech(self) -> bool:
        """Whether the first sentence may also be synthesized before the turn is over."""
        return self._level == "speech" and not self._is_busy()


#: of a call whose edge has no setting for it
SPECULATION = Speculation()
