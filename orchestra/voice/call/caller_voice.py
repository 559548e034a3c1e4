"""When the caller's voice began and ended, and when the words of it were known."""


class CallerVoice:
    """The caller's voice in one call. Moments are epoch seconds; 0.0: not yet.

    Attributes:
        on: whether it is heard now.
        started: when it last began.
        transcribed: when the last words of the current turn were recognized.
        words_began: when the first words of the current turn were said, as the engine tells of each; 0.0: it does not.

    """

    def __init__(self) -> None:
        self.on = False
        self.started = 0.0
        self.transcribed = 0.0
        self.words_began = 0.0
        self._ended = 0.0
        self._turn_ended = 0.0  # the caller's last turn

    def begin(self, at: float) -> None:
        """Voice activity detection hears it."""
        self.started, self.on = at, True

    def said(self, began: float) -> None:
        """Words were recognized whose first was said then; an engine that is late may tell of an earlier voice."""
        if began:
            self.words_began = min(self.words_began or began, began)

    @property
    def since(self) -> float:
        """When what is heard of the caller now began: their voice, or words of this turn that came late."""
        return min(self.started, self.words_began or self.started)

    def pause(self, at: float) -> None:
        """It stopped then, but so lately that it may go on."""
        self._ended = at

    def end(self, at: float) -> None:
        """It stopped then."""
        self._ended, self.on = at, False

    def restore(self, ended: float) -> None:
        """Another edge heard its end."""
        self._ended = ended

    def end_turn(self, at: float) -> None:
        """The turn is over in which it was heard."""
        self._turn_ended, self.transcribed = at, 0.0

    @property
    def ended_in_turn(self) -> bool:
        """Whether it has stopped at least once since the last turn was over."""
        return self._ended > self._turn_ended

    def last_sound(self, now: float) -> float:
        """When the turn's last sound was; ``now`` if its end has not been detected."""
        return self._ended if self.ended_in_turn else now

    def stretch(self, now: float) -> tuple[float, float]:
        """How many seconds the last stretch of speech took (0.0 if its beginning is not known), and when it ended."""
        ended = self._ended if self._ended > self.started else now
        return max(0.0, ended - self.started) if self.started else 0.0, ended
