"""Whether a transcript is what the caller said: the line may echo the agent's voice, or stall."""

from orchestra.language.utterance import is_echo

#: an echo of the agent's voice arrives within this, in seconds
_ECHO_WITHIN_S = 0.5
#: words that an echo must have, to tell it from a caller who repeats one; fewer once the line is known to echo
_FIRST_ECHO_WORDS, _NEXT_ECHO_WORDS = 3, 2
#: words that were spoken into a longer stall of the process or the line are not trusted, in seconds
STALL_S = 2.0
#: an engine that hears stretches of speech keeps a second of what was before each. What a longer stall holds up comes
#: to it in one go, before it is told where the speech began, so that it may hear nothing
WORDLESS_STALL_S = 1.0
#: after a stall the audio that was held up arrives within this, in seconds
_BURST_S = 0.6
_NEVER = float("-inf")


class LineChecks:
    """Follows the caller's voice, the agent's audio and stalls of the line. All moments are epoch seconds."""

    def __init__(self) -> None:
        self.line_echoes = False
        self._turn_from = 0.0  # the first sound of the caller's turn; 0: none yet
        self._ended = 0.0
        self._over_agent = False
        self._stall = (_NEVER, _NEVER)

    def voice_started(self, at: float, agent_sounded: float) -> None:
        """The caller's voice started at ``at``; the agent's last sound so far was at ``agent_sounded``."""
        self._turn_from = self._turn_from or at
        self._over_agent = at - agent_sounded < _ECHO_WITHIN_S

    def voice_ended(self, at: float) -> None:
        """The caller's voice ended at ``at``."""
        self._ended = at

    def note_stall(self, since: float, until: float) -> None:
        """Nothing was received or done between these two moments."""
        self._stall = (since, until)

    def is_echo(self, text: str, said: str, *, so_far: bool = False) -> bool:
        """Whether this transcript is an echo of what the agent has just ``said``; ``so_far``: more may follow."""
        if so_far:
            return self._over_agent and is_echo(text, said, least=1)
        least = _NEXT_ECHO_WORDS if self.line_echoes else _FIRST_ECHO_WORDS
        echo = self._over_agent and is_echo(text, said, least=least)
        self.line_echoes = self.line_echoes or echo
        return echo

    def turn_ended(self, has_words: bool = True) -> bool:
        """End the caller's turn. Returns whether words of it (all, if it has none) may be lost in a stall."""
        since, until = self._stall
        if until - since <= (STALL_S if has_words else WORDLESS_STALL_S):
            since = until = _NEVER
        turn_from, self._turn_from = self._turn_from, 0.0
        spoke_into_it = turn_from <= since <= max(self._ended, turn_from)
        return bool(turn_from) and (spoke_into_it or since < turn_from <= until + _BURST_S)
