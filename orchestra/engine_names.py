"""Names of the speech engines: found by their folders, without importing them (which needs the extra `voice`)."""

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

_ENGINES = "orchestra.voice.engines"


def engine_names(kind: Literal["stt", "tts"]) -> tuple[str, ...]:
    """Names of the engines for speech recognition or synthesis: the folders with a file ``stt.py`` or ``tts.py``.

    The local engine, which needs no key, comes first.
    """
    spec = find_spec(_ENGINES)
    homes = [] if spec is None else spec.submodule_search_locations or []
    found = {path.parent.name for home in homes for path in Path(home).glob(f"*/{kind}.py")}
    return tuple(sorted(found, key=lambda name: (name != "local", name)))
