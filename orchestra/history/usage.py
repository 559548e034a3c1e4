"""The usage of a call, and its cost at the operator's prices. Pure."""

from collections.abc import Mapping

import msgspec

from orchestra.prices import Prices
from orchestra_schemas import CallEnded, Event, PromptCompleted, SpeechMetered

_MILLION = 1_000_000
_DECIMALS = 6


class Tokens(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tokens of one model, as its server counted them."""

    prompt: int = 0
    completion: int = 0


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """The usage of a call so far.

    Attributes:
        models: tokens by the model's name.
        tts_characters: characters given to a TTS engine, by the engine's name.
        stt_s: seconds of the caller's audio given to an STT engine, by the engine's name.
        call_s: seconds from the call's start to the last event that reported usage.

    """

    models: dict[str, Tokens] = {}
    tts_characters: dict[str, int] = {}
    stt_s: dict[str, float] = {}
    call_s: float = 0.0


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """The cost of a call in the operator's currency.

    ``unpriced`` names used items without a price; they are not part of ``total``.
    """

    total: float = 0.0
    models: float = 0.0
    tts: float = 0.0
    stt: float = 0.0
    call: float = 0.0
    currency: str = ""
    unpriced: list[str] = []


def add_usage(used: Usage, event: Event, running_since: float) -> Usage:
    """The usage after ``event``. ``running_since``: start of the running call, epoch seconds; 0 if it does not run."""
    call_s = round(max(used.call_s, event.at - running_since), 3) if running_since else used.call_s
    models, characters, stt_s = used.models, used.tts_characters, used.stt_s
    match event:
        case PromptCompleted(model=name) if event.prompt_tokens or event.completion_tokens:
            before = models.get(name, Tokens())
            tokens = Tokens(before.prompt + event.prompt_tokens, before.completion + event.completion_tokens)
            models = models | {name: tokens}
        case SpeechMetered():
            if event.stt_s:
                stt_s = stt_s | {event.stt: round(stt_s.get(event.stt, 0.0) + event.stt_s, 3)}
            if event.tts_characters:
                characters = characters | {event.tts: characters.get(event.tts, 0) + event.tts_characters}
        case CallEnded(duration_s=duration_s):
            call_s = duration_s or call_s
        case _:
            pass
    return Usage(models=models, tts_characters=characters, stt_s=stt_s, call_s=call_s)


def cost_of(used: Usage, prices: Prices) -> Cost:
    """The cost of this usage at these prices; the line is charged by the second."""
    unpriced = [name for name in used.models if name not in prices.models]
    models = 0.0
    for name, tokens in used.models.items():
        if (price := prices.models.get(name)) is not None:
            models += price.prompt_per_million * tokens.prompt / _MILLION
            models += price.completion_per_million * tokens.completion / _MILLION
    per_character = {name: price / 1000 for name, price in prices.tts_per_1000_characters.items()}
    per_second = {name: price / 60 for name, price in prices.stt_per_minute.items()}
    tts = _cost_of_service(used.tts_characters, per_character, "tts", unpriced)
    stt = _cost_of_service(used.stt_s, per_second, "stt", unpriced)
    if prices.call_per_minute is None:
        unpriced.append("call")
    call = used.call_s * (prices.call_per_minute or 0.0) / 60
    return Cost(
        total=round(models + tts + stt + call, _DECIMALS),
        models=round(models, _DECIMALS),
        tts=round(tts, _DECIMALS),
        stt=round(stt, _DECIMALS),
        call=round(call, _DECIMALS),
        currency=prices.currency,
        unpriced=unpriced,
    )


def _cost_of_service(
    used: Mapping[str, float], prices: Mapping[str, float], service: str, unpriced: list[str]
) -> float:
    unpriced += [f"{service} {name}" for name in used if name not in prices]
    return sum(amount * prices.get(name, 0.0) for name, amount in used.items())
