"""How patient agents are with a caller who pauses: an option of an `orchestra.App` and of each of its agents."""

from dataclasses import dataclass, fields
from typing import Final, Literal, get_args

from orchestra.errors import AppError

Patience = Literal["quick", "normal", "patient"]

#: voice activity detection needs this long to notice a silence, in seconds
SHORTEST_PAUSE_S: Final = 0.2
#: without a word for longer than this a turn is ended anyway, in seconds
LONGEST_PAUSE_S: Final = 3.5


@dataclass(frozen=True, kw_only=True)
class Endpointing:
    """Between which bounds a pause ends the caller's turn, and where between them.

    Attributes:
        min_pause_s: the silence that ends a turn that is certainly over, in seconds.
        max_pause_s: the longest silence that is left to a caller who thinks or dictates, in seconds.
        patience: how much of that a caller gets whose turn may be over: ``quick``, ``normal`` or ``patient``.
        adapts: whether the caller's own pauses change it during the call.

    """

    min_pause_s: float = 0.25
    max_pause_s: float = 2.5
    patience: Patience = "normal"
    adapts: bool = True

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            AppError: one of them is not possible; the message says what is.

        """
        for name in ("min_pause_s", "max_pause_s"):
            seconds = getattr(self, name)
            if isinstance(seconds, bool) or not isinstance(seconds, int | float):
                msg = f"Endpointing: {name} is {seconds!r}, not a number: write seconds, as in {name}=0.8"
                raise AppError(msg)
            if not SHORTEST_PAUSE_S <= seconds <= LONGEST_PAUSE_S:
                msg = f"Endpointing: {name} is {seconds:g}: choose {SHORTEST_PAUSE_S:g} to {LONGEST_PAUSE_S:g} seconds"
                raise AppError(msg)
        if self.min_pause_s > self.max_pause_s:
            msg = (
                f"Endpointing: min_pause_s ({self.min_pause_s:g}) is longer than max_pause_s ({self.max_pause_s:g}): "
                "exchange them"
            )
            raise AppError(msg)
        if self.patience not in get_args(Patience):
            msg = f"Endpointing: patience is {self.patience!r}: choose one of {', '.join(get_args(Patience))}"
            raise AppError(msg)
        if not isinstance(self.adapts, bool):
            msg = f"Endpointing: adapts is {self.adapts!r}: write True or False"
            raise AppError(msg)

    @property
    def content(self) -> list[object]:
        """Its values, for the app's fingerprint."""
        return [getattr(self, each.name) for each in fields(self)]


DEFAULT_ENDPOINTING: Final = Endpointing()
