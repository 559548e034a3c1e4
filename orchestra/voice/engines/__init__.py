"""The speech engines of the edge behind one port: local models, Deepgram, ElevenLabs.

``orchestra.voice.engines.local`` alone needs no Pipecat; `load_engines` does, and imports it when called.
"""

from typing import TYPE_CHECKING

from orchestra.errors import MissingExtraError
from orchestra.settings import Settings

if TYPE_CHECKING:
    from orchestra.voice.engines.factory import Engines

__all__ = ["load_engines"]


async def load_engines(settings: Settings) -> "Engines":
    """The engines that the settings choose, with every model loaded and warm: once per process, 2 to 5 s.

    Raises:
        SettingError: a vendor is chosen and its key is missing.
        MissingExtraError: a library or model file is missing or damaged.

    """
    try:
        from orchestra.voice.engines.factory import open_engines  # noqa: PLC0415 - the extra `voice` may be missing

        return await open_engines(settings)
    except ImportError as error:
        if error.name is not None and error.name.startswith("orchestra"):
            raise
        msg = f"the voice edge cannot import {error.name or error}: install the extra `voice`"
        raise MissingExtraError(msg) from error
