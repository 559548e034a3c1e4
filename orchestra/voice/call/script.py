"""What the edge itself says in a call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from orchestra.endpointing import Endpointing
from orchestra.history.ending import Ending
from orchestra.language.registry import DEFAULT_CODE
from orchestra.pronunciations import AS_WRITTEN, Pronunciations
from orchestra.spoken_languages import SpokenLanguages
from orchestra.voice.call.silence_watch import BRIDGE_AFTER_S
from orchestra_schemas.calls import RecordingMode


@dataclass(frozen=True, slots=True)
class Script:
    """What the edge itself says for an app, and the limits of a call, in seconds.

    The caller hears ``consent`` whole, before the greeting, and is not heard meanwhile.
    A robot that screens a call we placed hears the ``introduction``.
    """

    app: str
    greeting: str
    holding: str
    max_call_s: float
    caller_silence_s: float
    apology: str = ""
    bridges: tuple[str, ...] = ()
    bridge_after_s: float = BRIDGE_AFTER_S
    still_there: str = ""
    transfer_failed: str = ""
    handed_back: str = ""
    voicemail: str = ""
    introduction: str = ""
    consent: str = ""  # tells the caller that they are recorded
    asks_consent: bool = False  # that is a question, and nothing is kept before a yes
    not_recorded: str = ""  # said to who answers no
    endpointing: Mapping[str, Endpointing] = field(default_factory=dict)  # by the agent's name; "": the first agent's
    thinking_sound: str = ""  # heard while agents are at work, by its name
    speed: float = 1.0  # how fast the edge speaks; agents have their own
    pronunciations: Pronunciations = AS_WRITTEN
    keyterms: tuple[str, ...] = ()  # that the speech engine is told to expect
    reads_out: bool = True  # figures are written as words
    ending: Ending | None = None  # after the greeting, which is then a message
    version: str = ""  # of package and app
    line: str = ""  # that decided that this app answers
    language: str = DEFAULT_CODE  # in which all of this is said
    speaks: SpokenLanguages = field(default_factory=SpokenLanguages)  # into which the call may change
    recording: bool = True  # the audio is kept
    joins: str = ""  # the person who joins the caller and the agents, where an agent transfers to them
    ring_s: float = 30.0  # so long their telephone may ring
    ask_s: float = 0.0  # so long the first words wait for the variables of the call; 0: nobody is asked for any
    # the same in a call with these variables
    rewritten: "Callable[[Mapping[str, Any]], Script] | None" = field(default=None, compare=False)

    @property
    def phrases(self) -> tuple[str, ...]:
        """Everything that the edge itself may say."""
        own = (self.greeting, self.holding, self.apology, self.still_there, self.transfer_failed, self.voicemail)
        refused = self.not_recorded if self.asks_consent and self.consent else ""
        optional = tuple(filter(None, (self.consent, refused, self.introduction, self.handed_back)))
        return (*optional, *own, *self.bridges)

    def in_call(self, variables: Mapping[str, Any]) -> "Script":
        """The same in a call with these variables."""
        return self if self.rewritten is None else self.rewritten(variables)

    @property
    def first_words(self) -> str:
        """The first words of a call."""
        return self.consent if self.recording_mode == "asked" else f"{self.consent} {self.greeting}".strip()

    @property
    def recording_mode(self) -> RecordingMode:
        """Whether audio is kept, as `CallStarted` has it."""
        if not self.recording:
            return "off"
        if not self.consent:
            return "on"
        return "asked" if self.asks_consent else "told"

    @property
    def unrecorded(self) -> "Script":
        """The same in a call whose audio is not kept: nobody has to be told."""
        return replace(self, recording=False, consent="")

    @property
    def without_consent(self) -> "Script":
        """The same where nobody is told or asked: then only who need not be is recorded."""
        return self.unrecorded if self.consent else self
