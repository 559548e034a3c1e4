"""In which language and with which voice a carrier says the few sentences that no agent says.

Sources: https://www.twilio.com/docs/voice/twiml/say/text-speech, https://www.plivo.com/docs/voice/xml/speak,
https://developer.vonage.com/en/voice/voice-api/guides/text-to-speech,
https://developers.telnyx.com/api/call-control/speak-call, https://docs.aws.amazon.com/polly/latest/dg/available-voices.html
"""

from typing import Final

from orchestra.language.tags import base_of

#: what each language is called where no region is asked for, or one that carriers have no voice for
_LOCALES: Final = {
    "da": "da-DK",
    "de": "de-DE",
    "en": "en-US",
    "es": "es-ES",
    "fr": "fr-FR",
    "it": "it-IT",
    "ja": "ja-JP",
    "ko": "ko-KR",
    "nb": "nb-NO",
    "nl": "nl-NL",
    "no": "nb-NO",
    "pl": "pl-PL",
    "pt": "pt-BR",
    "ro": "ro-RO",
    "ru": "ru-RU",
    "sv": "sv-SE",
    "tr": "tr-TR",
    "zh": "cmn-CN",
}
_REGIONS: Final = frozenset({"en-AU", "en-GB", "en-IN", "es-MX", "es-US", "fr-CA", "pt-PT"})
#: a voice of Amazon Polly's standard engine, which Twilio, Plivo and Telnyx offer
_POLLY: Final = {
    "cmn-CN": "Zhiyu",
    "da-DK": "Naja",
    "de-DE": "Vicki",
    "en-AU": "Nicole",
    "en-GB": "Amy",
    "en-IN": "Raveena",
    "en-US": "Joanna",
    "es-ES": "Lucia",
    "es-MX": "Mia",
    "es-US": "Lupe",
    "fr-CA": "Chantal",
    "fr-FR": "Lea",
    "it-IT": "Carla",
    "ja-JP": "Mizuki",
    "ko-KR": "Seoyeon",
    "nb-NO": "Liv",
    "nl-NL": "Lotte",
    "pl-PL": "Ewa",
    "pt-BR": "Camila",
    "pt-PT": "Ines",
    "ro-RO": "Carmen",
    "ru-RU": "Tatyana",
    "sv-SE": "Astrid",
    "tr-TR": "Filiz",
}


def locale_of(language: str) -> str:
    """What carriers call this language (BCP 47); empty: they have no voice for it, and use their own default."""
    return language if language in _REGIONS else _LOCALES.get(base_of(language), "")


def polly_voice(language: str) -> str:
    """The name of a Polly voice that speaks this language; empty: there is none."""
    return _POLLY.get(locale_of(language), "")


def say_attributes(language: str) -> dict[str, str]:
    """The attributes of Twilio's ``<Say>`` and Plivo's ``<Speak>``; English keeps the carrier's default voice."""
    locale, voice = locale_of(language), polly_voice(language)
    return {} if locale in {"", "en-US"} else {"language": locale, "voice": f"Polly.{voice}"}


def vonage_language(language: str) -> dict[str, str]:
    """What Vonage's ``talk`` is told; English keeps its default."""
    locale = locale_of(language)
    return {} if locale in {"", "en-US"} else {"language": locale}


def telnyx_voice(language: str) -> dict[str, str]:
    """``voice`` and ``language`` of Telnyx's ``speak``, which has no default."""
    return {
        "voice": f"AWS.Polly.{polly_voice(language) or _POLLY['en-US']}",
        "language": locale_of(language) or "en-US",
    }
