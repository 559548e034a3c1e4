"""Full text over what was said in the recorded calls."""

import asyncio
from contextlib import aclosing, closing
from dataclasses import dataclass, replace

from orchestra.analysis.words import Utterance, WantedWords, best_matches
from orchestra.errors import MissingExtraError
from orchestra.replay.selection import Selection, decoded, log_warning, open_selection
from orchestra.replay.sources.port import Filter, OnWarning, Source
from orchestra.settings import Settings
from orchestra_schemas import ReplyInterrupted, ReplySpoken, UserTurnEnded, tag_of

_SAID = tuple(tag_of(event_type) for event_type in (UserTurnEnded, ReplySpoken, ReplyInterrupted))


@dataclass(frozen=True, slots=True)
class Hit:
    """An utterance that has the words. ``snippet`` shows them between ``[`` and ``]``."""

    call: str
    turn: int
    who: str
    at: float
    snippet: str


async def find_words(
    settings: Settings,
    words: str,
    selection: Selection,
    source: str = "auto",
    *,
    limit: int = 50,
    on_warning: OnWarning = log_warning,
) -> list[Hit]:
    """Utterances that have all of the words, in any order and inflection; the best match comes first.

    Words in double quotes have to follow each other exactly. ``on_warning`` gets what is missing or damaged.
    """
    wanted = WantedWords(words)
    if not wanted:
        return []
    chosen = replace(selection, types=_SAID)
    async with open_selection(settings, chosen, source, on_warning) as (opened, which):
        found, of = await _candidates(settings, opened, which, wanted, on_warning)
    matches = await asyncio.to_thread(best_matches, [(each.text, each.at) for each in found], wanted, limit, of=of)
    return [
        Hit(each.call, each.turn, each.who, each.at, snippet)
        for each, snippet in ((found[place], snippet) for place, snippet in matches)
    ]


async def _candidates(
    settings: Settings, source: Source, which: Filter, wanted: WantedWords, on_warning: OnWarning
) -> tuple[list[Utterance], tuple[int, int] | None]:
    """What may have the words, and how many utterances there are of all, with how many words; None if these are all."""
    reading = source.read_by_sql(settings)
    if reading is None:
        return await _said(source, which, on_warning), None
    try:
        from orchestra.analysis.find_words import utterances_with  # noqa: PLC0415 - an extra
        from orchestra.analysis.query import CallDatabase  # noqa: PLC0415 - an extra
    except MissingExtraError:
        return await _said(source, which, on_warning), None
    with closing(await CallDatabase.open(reading.settings, journal=reading.journal, on_warning=on_warning)) as records:
        found, (count, words) = await asyncio.to_thread(
            utterances_with, records, wanted, calls=which.calls, since_ms=which.since_ms, until_ms=which.until_ms
        )
    for rest in reading.rest:
        also = await _said(rest, which, on_warning)
        found, count = found + also, count + len(also)
        words += sum(len(each.text.split()) for each in also)
    return found, (count, words)


async def _said(source: Source, which: Filter, on_warning: OnWarning) -> list[Utterance]:
    """Everything that was said, from the entries of a source."""
    found = []
    async with aclosing(source.entries(which)) as entries:
        async for entry in entries:
            for event in decoded([entry], on_warning):
                match event:
                    case UserTurnEnded(text=text):
                        found.append(Utterance(event.call, event.turn, "caller", event.at, text))
                    case ReplySpoken(text=text, agent=agent):
                        found.append(Utterance(event.call, event.turn, agent or "agent", event.at, text))
                    case ReplyInterrupted(heard=text):
                        found.append(Utterance(event.call, event.turn, "agent", event.at, text))
    return found
