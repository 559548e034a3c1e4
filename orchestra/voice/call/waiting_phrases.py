"""The edge's own words for a caller who waits."""

from collections.abc import Sequence

from orchestra.voice.call.silence_watch import Step


class WaitingPhrases:
    """Chooses the words of each step of a wait, so that no caller hears the same bridge twice in a row.

    Args:
        holding: the phrase for a caller who has waited too long.
        bridges: phrases that begin a reply which is not there yet, used in turn; default: the holding phrase.
        apology: asks a caller to repeat what was lost.

    """

    def __init__(self, holding: str, bridges: Sequence[str], apology: str) -> None:
        self._holding = holding.strip()
        self._bridges = tuple(bridges) or (self._holding,)
        self._apology = apology.strip()
        self._bridged = 0

    def words_for(self, step: Step, *, first: bool) -> str:
        """The words of this step; ``first``: the caller has been told nothing in this wait."""
        if step == "apologise":
            return self._apology
        if step == "hold" and not first:
            return self._holding
        self._bridged += 1
        return self._bridges[(self._bridged - 1) % len(self._bridges)]

    def promised(self, heard: str) -> bool:
        """Whether the last words that a caller has heard ask them to wait."""
        return bool(self._holding) and heard.endswith((self._holding, *self._bridges))
