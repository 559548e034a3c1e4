"""Which languages Deepgram's models know, and what a request has to say for each.

https://developers.deepgram.com/docs/models-languages-overview (nova-3),
https://developers.deepgram.com/docs/flux/language-prompting and https://developers.deepgram.com/docs/numerals, read in
November 2026.
"""

from typing import Final

from orchestra.language.tags import base_of
from orchestra.settings import Settings
from orchestra.spoken_languages import AUTO

#: the language that makes nova transcribe whatever is spoken, and say what it was
MULTILINGUAL: Final = "multi"
FLUX_ENGLISH: Final = "flux-general-en"
FLUX_MULTILINGUAL: Final = "flux-general-multi"

FLUX_LANGUAGES: Final = frozenset({"de", "en", "es", "fr", "hi", "it", "ja", "nl", "pt", "ru"})
_NOVA: Final = (
    "af ar be bg bn bs ca cs da de el en es et fa fi fr gl gu he hi hr hu id it ja kn ko lt lv mk mr ms nl no pl pt ro"
    " ru sk sl sr sv ta te th tl tr uk vi xh zh zu"
)
NOVA_LANGUAGES: Final = frozenset(_NOVA.split())
_REGIONS: Final = (
    "da-DK de-CH en-AU en-CA en-GB en-IN en-NZ en-US es-419 fr-CA ko-KR nl-BE pt-BR pt-PT sv-SE zh-CN zh-HK zh-Hans"
    " zh-Hant zh-TW"
)
#: regions that nova has a model for; any other is heard with the model of its language
_NOVA_REGIONS: Final = frozenset(_REGIONS.split())
_LATIN_AMERICAN: Final = "es-419"
_WITH_NUMERALS: Final = "bg da de en es fr he it ja ko ms nl no pl pt ro ru sv"
_NUMERALS: Final = frozenset(_WITH_NUMERALS.split())
_FLUX_NUMERALS: Final = FLUX_LANGUAGES - {"hi", "ja"}
_OTHER_NAMES: Final = {"nb": "no", "nn": "no", "fil": "tl", "iw": "he", "yue": "zh-HK", "cmn": "zh"}


def nova_code(language: str) -> str:
    """What nova's parameter ``language`` is for a BCP 47 code, or for `AUTO`."""
    if language == AUTO:
        return MULTILINGUAL
    language = _OTHER_NAMES.get(base_of(language), language)
    if language in _NOVA_REGIONS:
        return language
    base = base_of(language)
    return _LATIN_AMERICAN if base == "es" and language not in {"es", "es-ES"} else base


def nova_numerals(language: str) -> bool:
    """Whether nova can write the numbers of this language in digits."""
    code = nova_code(language)
    return code in {MULTILINGUAL, "zh-HK"} or base_of(code) in _NUMERALS


def flux_model(model: str, language: str) -> str:
    """The Flux model that hears this language: ``model``, unless that one knows English only."""
    return FLUX_MULTILINGUAL if model == FLUX_ENGLISH and base_of(language) != "en" else model


def flux_numerals(language: str) -> bool:
    """Whether Flux can write the numbers of this language in digits."""
    return language == AUTO or base_of(language) in _FLUX_NUMERALS


def knows(model: str, language: str) -> bool:
    """Whether this model recognizes this language; of models other than nova-3 and Flux nothing is known but yes."""
    if language == AUTO:
        return model.startswith(("nova-3", "nova-2", "flux"))
    if model.startswith("flux"):
        return base_of(language) in FLUX_LANGUAGES
    return not model.startswith("nova-3") or base_of(nova_code(language)) in NOVA_LANGUAGES


def hears(settings: Settings, language: str) -> bool:
    """Whether the model in the settings, or the one that takes its place, recognizes this language."""
    return knows(settings.deepgram_model, language)
