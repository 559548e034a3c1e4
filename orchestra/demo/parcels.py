"""The parcels of the demo, in a small SQLite file that several processes can use at once."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from orchestra.demo import english

_BUSY_S = 5.0
_FIRST_COMPLAINT = 301
_SCHEMA = """
CREATE TABLE parcel (
    number TEXT PRIMARY KEY, status TEXT NOT NULL, place TEXT NOT NULL, delivery_day TEXT NOT NULL DEFAULT '');
CREATE TABLE complaint (
    number INTEGER PRIMARY KEY, parcel TEXT NOT NULL REFERENCES parcel, what TEXT NOT NULL, call_back TEXT NOT NULL);
CREATE TABLE done (key TEXT PRIMARY KEY, result TEXT NOT NULL);
"""
#: where each parcel is; see `Parcel.place`
_PLACES = {"4271": "depot", "3692": "van", "9264": "home", "6249": "customs", "1938": "road", "7125": "lost"}
_SEED = tuple((number, status, _PLACES[number]) for number, status in english.TEXTS.statuses.items())


@dataclass(frozen=True, slots=True)
class Parcel:
    """One parcel.

    Attributes:
        number: four digits.
        status: in English; completes the sentence "Your parcel …".
        place: where it is: ``depot`` after a missed delivery, ``van``, ``road``, ``customs``, ``lost``, or ``home``.
        delivery_day: the day of the new delivery, empty without one.

    """

    number: str
    status: str
    place: str
    delivery_day: str = ""


class Parcels:
    """The file of parcels, complaints and actions; created with example data if it does not exist.

    Every method opens its own connection, so threads can share one object.

    Args:
        path: the SQLite file; its folder is created if it does not exist.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _make(path)

    def find(self, number: str) -> Parcel | None:
        """The parcel with that number; None if there is none."""
        with closing(_connect(self.path)) as database:
            row = database.execute(
                "SELECT number, status, place, delivery_day FROM parcel WHERE number = ?", (number,)
            ).fetchone()
        return None if row is None else Parcel(*row)

    def redeliver(self, key: str, number: str, day: str) -> None:
        """Book a new delivery; does nothing the second time with the same key."""
        with closing(_connect(self.path)) as database, _transaction(database):
            if _done(database, key) is None:
                database.execute("UPDATE parcel SET delivery_day = ? WHERE number = ?", (day, number))
                database.execute("INSERT INTO done VALUES (?, ?)", (key, day))

    def complain(self, key: str, number: str, what: str, call_back: str) -> str:
        """Open a complaint and return its number; returns the same number the second time with the same key."""
        with closing(_connect(self.path)) as database, _transaction(database):
            opened = _done(database, key)
            if opened is None:
                (last,) = database.execute("SELECT max(number) FROM complaint").fetchone()
                opened = str(_FIRST_COMPLAINT if last is None else last + 1)
                database.execute("INSERT INTO complaint VALUES (?, ?, ?, ?)", (int(opened), number, what, call_back))
                database.execute("INSERT INTO done VALUES (?, ?)", (key, opened))
        return opened


def _connect(path: Path) -> sqlite3.Connection:
    # isolation_level None: only `_transaction` opens transactions, the module never does so implicitly.
    return sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)


def _make(path: Path) -> None:
    """Create the file under another name and rename it when complete; if several processes try at once, one wins."""
    draft = path.with_name(f"{path.name}.{uuid4().hex}")
    with closing(_connect(draft)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(_SCHEMA)
        database.executemany("INSERT INTO parcel(number, status, place) VALUES (?, ?, ?)", _SEED)
    try:
        with suppress(FileExistsError):  # another process was first, and its file has the same content
            os.link(draft, path)
    finally:
        draft.unlink()


def _done(database: sqlite3.Connection, key: str) -> str | None:
    row = database.execute("SELECT result FROM done WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


@contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    """One writer at a time from the first statement on: nobody writes between checking a key and using it."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")
