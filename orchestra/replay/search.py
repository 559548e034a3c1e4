"""Full text over what was said in the recorded calls."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace

from orchestra.replay.selection import Selection, decoded, entries, log_warning
from orchestra.replay.sources.port import OnWarning
from orchestra.settings import Settings
from orchestra_schemas import ReplyInterrupted, ReplySpoken, UserTurnEnded, tag_of

_SAID = tuple(tag_of(event_type) for event_type in (UserTurnEnded, ReplySpoken, ReplyInterrupted))
_SNIPPET_WORDS = 16


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
    chosen = replace(selection, types=_SAID)
    with closing(sqlite3.connect(":memory:")) as index:
        index.execute(
            "CREATE VIRTUAL TABLE said USING fts5"
            "(words, call UNINDEXED, turn UNINDEXED, who UNINDEXED, at UNINDEXED, tokenize = 'porter unicode61')"
        )
        page: list[tuple[str, str, int, str, float]] = []
        async for entry in entries(settings, chosen, source, on_warning=on_warning):
            for event in decoded([entry], on_warning):
                match event:
                    case UserTurnEnded(text=text):
                        page.append((text, event.call, event.turn, "caller", event.at))
                    case ReplySpoken(text=text, agent=agent):
                        page.append((text, event.call, event.turn, agent or "agent", event.at))
                    case ReplyInterrupted(heard=text):
                        page.append((text, event.call, event.turn, "agent", event.at))
        index.executemany("INSERT INTO said VALUES (?, ?, ?, ?, ?)", page)
        return list(_hits(index, words, limit))


def _hits(index: sqlite3.Connection, words: str, limit: int) -> Iterator[Hit]:
    asked = _fts_query(words)
    if not asked:
        return
    rows = index.execute(
        "SELECT call, turn, who, at, snippet(said, 0, '[', ']', '…', ?) FROM said WHERE said MATCH ?"
        " ORDER BY rank, at LIMIT ?",
        (_SNIPPET_WORDS, asked, limit),
    )
    for call, turn, who, at, snippet in rows:
        yield Hit(call, turn, who, at, snippet)


def _fts_query(words: str) -> str:
    """The query for FTS5: each word or phrase is quoted, so that nothing in it is an operator."""
    parts = words.split('"')
    phrases = [part.strip() for part in parts[1::2]]
    single = [word for part in parts[::2] for word in part.split()]
    return " ".join(f'"{term}"' for term in (*single, *phrases) if any(map(str.isalnum, term)))
