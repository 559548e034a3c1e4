"""The usage of a call, and its cost at the operator's prices. Pure."""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from orchestra.prices import Prices
from orchestra_schemas import (
    CallAnalysed,
    CallEnded,
    Event,
    PromptCompleted,
    SpeechMetered,
    UserTurnPredicted,
    UserTurnResumed,
)

_MILLION = 1_000_000
_DECIMALS = 6
#: most void turns whose answers may still be coming
_VOID = 8


class Tokens(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tokens of one model, as its server counted them."""

    prompt: int = 0
    completion: int = 0


class Predictions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Turns that were predicted to be over.

    Attributes:
        made: how many.
        resumed: how many were void because the caller went on; ``other_words``: because the words were others.
        wasted_prompts: prompts of void turns that were answered or stopped; ``wasted`` has their tokens by model, which
            are a part of the call's.
        turn: the last predicted turn.
        prompts: the model and tokens of its prompts, while it is not known whether it is void.
        void: the last void turns: an answer that is stopped comes after its turn is void.

    """

    made: int = 0
    resumed: int = 0
    other_words: int = 0
    wasted_prompts: int = 0
    wasted: dict[str, Tokens] = {}
    turn: int = -1
    prompts: tuple[tuple[str, Tokens], ...] = ()
    void: tuple[int, ...] = ()


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """The usage of a call so far.

    Attributes:
        models: tokens by the model's name.
        tts_characters: characters given to a TTS engine, by the engine's name.
        stt_s: seconds of the caller's audio given to an STT engine, by the engine's name.
        call_s: seconds from the call's start to the last event that reported usage.
        predictions: turns that were predicted to be over, and what the wrong ones have used; unset if there was none.

    """

    models: dict[str, Tokens] = {}
    tts_characters: dict[str, int] = {}
    stt_s: dict[str, float] = {}
    call_s: float = 0.0
    predictions: Predictions | msgspec.UnsetType = msgspec.UNSET


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """The cost of a call in the operator's currency.

    ``wasted`` is the part of ``models`` for predicted turns that went on, unset if none was predicted. ``unpriced``
    names used items without a price; they are not part of ``total``.
    """

    total: float = 0.0
    models: float = 0.0
    wasted: float | msgspec.UnsetType = msgspec.UNSET
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
        case CallAnalysed(tokens_of=several) if several:
            for name, (prompt, completion) in several.items():
                models = with_tokens(models, name, Tokens(prompt, completion))
        case PromptCompleted(model=name) | CallAnalysed(model=name) if event.prompt_tokens or event.completion_tokens:
            models = with_tokens(models, name, Tokens(event.prompt_tokens, event.completion_tokens))
        case SpeechMetered():
            if event.stt_s:
                stt_s = stt_s | {event.stt: round(stt_s.get(event.stt, 0.0) + event.stt_s, 3)}
            if event.tts_characters:
                characters = characters | {event.tts: characters.get(event.tts, 0) + event.tts_characters}
        case CallEnded(duration_s=duration_s):
            call_s = duration_s or call_s
        case _:
            pass
    predictions = used.predictions
    if isinstance(event, UserTurnPredicted | UserTurnResumed | PromptCompleted):
        predictions = _predicted(used.predictions, event)
    return Usage(models=models, tts_characters=characters, stt_s=stt_s, call_s=call_s, predictions=predictions)


def _predicted(
    before: Predictions | msgspec.UnsetType, event: UserTurnPredicted | UserTurnResumed | PromptCompleted
) -> Predictions | msgspec.UnsetType:
    """The predictions after this event."""
    known = Predictions() if isinstance(before, msgspec.UnsetType) else before
    match event:
        case UserTurnPredicted(turn=turn):
            return replace(known, made=known.made + 1, turn=turn, prompts=())
        case UserTurnResumed(turn=turn, reason=reason):
            void = replace(
                known,
                resumed=known.resumed + (reason == "resumed"),
                other_words=known.other_words + (reason != "resumed"),
                void=(*known.void, turn)[-_VOID:],
            )
            return _waste(replace(void, prompts=()), known.prompts) if turn == known.turn else void
        case PromptCompleted(turn=turn, model=model):
            prompt = model, Tokens(event.prompt_tokens, event.completion_tokens)
            if turn in known.void:
                return _waste(known, (prompt,))
            return replace(known, prompts=(*known.prompts, prompt)) if turn == known.turn else before


def _waste(known: Predictions, prompts: tuple[tuple[str, Tokens], ...]) -> Predictions:
    wasted = known.wasted
    for name, tokens in prompts:
        wasted = with_tokens(wasted, name, tokens)
    return replace(known, wasted_prompts=known.wasted_prompts + len(prompts), wasted=wasted)


def with_tokens(models: dict[str, Tokens], name: str, more: Tokens) -> dict[str, Tokens]:
    """The tokens by model, with more of one."""
    before = models.get(name, Tokens())
    return models | {name: Tokens(before.prompt + more.prompt, before.completion + more.completion)}


def cost_of(used: Usage, prices: Prices) -> Cost:
    """The cost of this usage at these prices; the line is charged by the second."""
    unpriced = [name for name in used.models if name not in prices.models]
    models = _cost_of_tokens(used.models, prices)
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
        wasted=_cost_of_wasted(used, prices),
        tts=round(tts, _DECIMALS),
        stt=round(stt, _DECIMALS),
        call=round(call, _DECIMALS),
        currency=prices.currency,
        unpriced=unpriced,
    )


def _cost_of_wasted(used: Usage, prices: Prices) -> float | msgspec.UnsetType:
    predictions = used.predictions
    if isinstance(predictions, msgspec.UnsetType):
        return msgspec.UNSET
    return round(_cost_of_tokens(predictions.wasted, prices), _DECIMALS)


def _cost_of_tokens(models: Mapping[str, Tokens], prices: Prices) -> float:
    cost = 0.0
    for name, tokens in models.items():
        if (price := prices.models.get(name)) is not None:
            cost += price.prompt_per_million * tokens.prompt / _MILLION
            cost += price.completion_per_million * tokens.completion / _MILLION
    return cost


def _cost_of_service(
    used: Mapping[str, float], prices: Mapping[str, float], service: str, unpriced: list[str]
) -> float:
    unpriced += [f"{service} {name}" for name in used if name not in prices]
    return sum(amount * prices.get(name, 0.0) for name, amount in used.items())
