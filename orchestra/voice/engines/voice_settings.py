"""How an agent's voice sounds from now on: what `TTSUpdateSettingsFrame` carries to every TTS engine."""

from dataclasses import dataclass, field

from pipecat.services.settings import TTSSettings
from pipecat.utils.types import NOT_GIVEN, NotGiven


@dataclass
class VoiceSettings(TTSSettings):
    """``voice``, ``language`` (BCP 47) and ``speed``, each unchanged if it is not given.

    ``speed``: 1.0 is the voice's own pace, 0.8 a fifth slower; an engine that cannot speak so slowly or fast comes as
    near as it can.
    """

    speed: float | NotGiven = field(default_factory=lambda: NOT_GIVEN)
