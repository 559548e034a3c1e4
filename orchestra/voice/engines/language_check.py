"""Whether the chosen engines know the languages of an app: asked at start, so that no call finds out."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from orchestra.settings import Settings
from orchestra.spoken_languages import AUTO


def unknown_languages(settings: Settings, languages: Iterable[str]) -> list[str]:
    """What the engines in the settings cannot do of these languages (BCP 47, or `AUTO`), a sentence each.

    An engine tells it with ``hears(settings, language)`` and ``speaks(settings, language)`` in a file ``languages.py``
    of its folder; one without that file knows every language.
    """
    problems = []
    for language in dict.fromkeys(languages):
        if not _knows(settings.stt, "hears", settings, language):
            problems.append(f"{settings.stt} does not hear {language!r}: {_cure(settings.stt, 'STT')}")
        if not _knows(settings.tts, "speaks", settings, language):
            problems.append(f"{settings.tts} does not speak {language!r}: {_cure(settings.tts, 'TTS')}")
    return problems


def languages_without_fallback(settings: Settings, languages: Iterable[str]) -> list[str]:
    """In which of these languages the fallback engines in the settings are of no use, a sentence for each engine.

    A call does not need them: they take over when another engine fails.
    """
    wanted = tuple(dict.fromkeys(languages))
    unheard = [each for each in wanted if not _knows(settings.stt_fallback, "hears", settings, each)]
    unspoken = [each for each in wanted if not _knows(settings.tts_fallback, "speaks", settings, each)]
    found = []
    if settings.stt_fallback and unheard:
        heard = f"{settings.stt_fallback} takes over where {settings.stt} fails, and would take {', '.join(unheard)}"
        found.append(f"{heard} for English: {_cure(settings.stt_fallback, 'STT_FALLBACK')}")
    if settings.tts_fallback and unspoken:
        spoken = f"{settings.tts_fallback} takes over where {settings.tts} fails, and would read {', '.join(unspoken)}"
        found.append(f"{spoken} out as English: {_cure(settings.tts_fallback, 'TTS_FALLBACK')}")
    return found


def _knows(engine: str, what: str, settings: Settings, language: str) -> bool:
    if not engine or (what == "speaks" and language == AUTO):
        return True
    try:
        module: Any = import_module(f"orchestra.voice.engines.{engine}.languages")
    except ImportError:  # of the engine's library, which is reported by itself, or there is no such file
        return True
    return bool(getattr(module, what)(settings, language))


def _cure(engine: str, kind: str) -> str:
    if kind.endswith("FALLBACK"):
        return f"install the extra `local-multilingual`, or leave ORCHESTRA_{kind} empty"
    if engine == "local":
        return f"install the extra `local-multilingual`, or choose another engine with ORCHESTRA_{kind}"
    return f"choose another model with ORCHESTRA_{engine.upper()}_MODEL, or another engine with ORCHESTRA_{kind}"
