"""What a call has used, and what that costs by the operator's prices. Pure.

The session record holds both as JSON, brought up to date by every event that tells of use, so that they can be read
while the call runs, and so that a call keeps the prices of its time.
"""

from collections.abc import Mapping

import msgspec

from orchestra.prices import Prices
from orchestra_schemas import CallEnded, Event, PromptCompleted, SpeechMetered
from tests.history.oracle.summary import Record

_MILLION = 1_000_000
_PLACES = 6


class Tokens(msgspec.Struct, omit_defaults=True):
    """Of one model, as its server counted them."""

    prompt: int = 0
    completion: int = 0


class Usage(msgspec.Struct, kw_only=True):
    """What a call has used so far.

    Attributes:
        models: tokens by the model's name.
        tts_characters: characters given to a speech engine to be spoken, by the engine's name.
        stt_s: seconds of the caller's audio given to a speech engine, by the engine's name.
        call_s: seconds from the call's start to the last event that told of use.

    """

    models: dict[str, Tokens] = {}
    tts_characters: dict[str, int] = {}
    stt_s: dict[str, float] = {}
    call_s: float = 0.0


class Cost(msgspec.Struct, kw_only=True):
    """The money for it, in the operator's currency.

    ``unpriced`` names what was used and has no price: it is not in ``total``.
    """

    total: float = 0.0
    models: float = 0.0
    tts: float = 0.0
    stt: float = 0.0
    call: float = 0.0
    currency: str = ""
    unpriced: list[str] = []


def costs(event: Event, record: Record, prices: Prices) -> Record:
    """Fields of the call's session record that ``event`` changes: ``usage``, and ``cost`` where any price is set."""
    if not isinstance(event, PromptCompleted | SpeechMetered | CallEnded):
        return {}
    used = msgspec.json.decode(record["usage"], type=Usage) if "usage" in record else Usage()
    runs_since = float(record.get("started_at", "0")) if record.get("status") == "running" else 0.0
    _add(event, used, runs_since)
    changed = {"usage": msgspec.json.encode(used).decode()}
    return changed | ({"cost": msgspec.json.encode(cost_of(used, prices)).decode()} if prices.any else {})


def _add(event: PromptCompleted | SpeechMetered | CallEnded, used: Usage, runs_since: float) -> None:
    if runs_since:
        used.call_s = round(max(used.call_s, event.at - runs_since), 3)
    match event:
        case PromptCompleted() if event.prompt_tokens or event.completion_tokens:
            tokens = used.models.setdefault(event.model, Tokens())
            tokens.prompt += event.prompt_tokens
            tokens.completion += event.completion_tokens
        case SpeechMetered():
            if event.stt_s:
                used.stt_s[event.stt] = round(used.stt_s.get(event.stt, 0.0) + event.stt_s, 3)
            if event.tts_characters:
                used.tts_characters[event.tts] = used.tts_characters.get(event.tts, 0) + event.tts_characters
        case CallEnded():
            used.call_s = event.duration_s or used.call_s
        case _:
            pass


def cost_of(used: Usage, prices: Prices) -> Cost:
    """What this use costs by these prices; the call is counted by the second."""
    cost = Cost(currency=prices.currency)
    for name, tokens in used.models.items():
        if (price := prices.models.get(name)) is None:
            cost.unpriced.append(name)
        else:
            cost.models += price.prompt_per_million * tokens.prompt / _MILLION
            cost.models += price.completion_per_million * tokens.completion / _MILLION
    per_character = {name: price / 1000 for name, price in prices.tts_per_1000_characters.items()}
    per_second = {name: price / 60 for name, price in prices.stt_per_minute.items()}
    cost.tts = _priced(used.tts_characters, per_character, "tts", cost.unpriced)
    cost.stt = _priced(used.stt_s, per_second, "stt", cost.unpriced)
    if prices.call_per_minute is None:
        cost.unpriced.append("call")
    else:
        cost.call = used.call_s * prices.call_per_minute / 60
    cost.total = cost.models + cost.tts + cost.stt + cost.call
    for part in ("models", "tts", "stt", "call", "total"):
        setattr(cost, part, round(getattr(cost, part), _PLACES))
    return cost


def _priced(used: Mapping[str, float], prices: Mapping[str, float], service: str, unpriced: list[str]) -> float:
    unpriced += [f"{service} {name}" for name in used if name not in prices]
    return sum(amount * prices.get(name, 0.0) for name, amount in used.items())
