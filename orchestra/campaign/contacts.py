"""Reads the people to call from a CSV file, row by row: what is wrong with a row is said, and the others are called."""

import codecs
import csv
import hashlib
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from orchestra.errors import RejectedError, UsageError
from orchestra.lines import line_name
from orchestra.lines.dialled import E164
from orchestra.voice.carriers.sip.addresses import parse_address

_NUMBER_COLUMNS: Final = ("number", "phone", "to", "telephone", "phone_number")
_ZONE_COLUMNS: Final = ("zone", "time_zone", "timezone")
_DELIMITERS: Final = ",;\t|"
_LONGEST_VALUE: Final = 1024
_MOST_VARIABLES: Final = 32
#: longest field of a row, in characters: a quotation mark that is never closed makes one of everything after it
_LONGEST_FIELD: Final = 65_536
_BLOCK: Final = 1 << 20


class Contact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person to call.

    Attributes:
        row: the line of the file, the heading being 1.
        number: E.164, or a SIP address.
        zone: the person's time zone (IANA); empty: that of the number.
        variables: the other columns, by name.

    """

    row: int
    number: str
    zone: str = ""
    variables: dict[str, str] = {}


class BadRow(msgspec.Struct, frozen=True):
    """A row that names nobody who can be called, and why."""

    row: int
    reason: str


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes.

    Raises:
        UsageError: it cannot be read.

    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        msg = f"{path}: {error.strerror or error}"
        raise UsageError(msg) from None
    return digest.hexdigest()


def read_contacts(path: Path) -> Iterator[Contact | BadRow]:
    """The rows of the file, in order, however many there are.

    The heading names the columns: one is ``number`` (or ``phone``, ``to``), ``zone`` may be one, and the others are
    variables of the call. Separated by commas, semicolons, tabs or bars; UTF-8, or UTF-16 with its mark.

    Raises:
        UsageError: the file cannot be read, or has no column of numbers.

    """
    try:
        with path.open(encoding=_encoding(path), newline="") as file:
            heading = file.readline(_LONGEST_FIELD)
            delimiter = max(_DELIMITERS, key=heading.count)
            names = [_column(name) for name in next(csv.reader([heading], delimiter=delimiter), [])]
            number_at = next((names.index(name) for name in _NUMBER_COLUMNS if name in names), None)
            if number_at is None:
                msg = f"{path}: no column is called {', '.join(_NUMBER_COLUMNS[:3])}: the first line names the columns"
                raise UsageError(msg)
            yield from _rows(csv.reader(file, delimiter=delimiter, strict=True), names, number_at)
    except UnicodeError:
        msg = f"{path}: this is not UTF-8: save the file as CSV in UTF-8"
        raise UsageError(msg) from None
    except OSError as error:
        msg = f"{path}: {error.strerror or error}"
        raise UsageError(msg) from None


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(4)
    return "utf-16" if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"


def _column(heading: str) -> str:
    plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain.strip().lower()).strip("_")


def _rows(rows: Iterator[list[str]], names: list[str], number_at: int) -> Iterator[Contact | BadRow]:
    seen: dict[bytes, int] = {}
    row = 1
    while True:
        row += 1
        try:
            fields = next(rows, None)
        except csv.Error as error:
            yield BadRow(row, f"cannot be read: {error}")
            continue
        if fields is None:
            return
        if not any(field.strip() for field in fields):
            continue
        contact = _contact(row, fields, names, number_at)
        if isinstance(contact, Contact):
            # a digest is smaller than a number with its string: millions of rows fit
            key = hashlib.blake2b(contact.number.encode(), digest_size=8).digest()
            if (first := seen.setdefault(key, row)) != row:
                yield BadRow(row, f"{contact.number} is in row {first} already")
                continue
        yield contact


def _number(written: str) -> str:
    if written.lower().startswith(("sip:", "sips:")):
        return _sip_address(written)
    try:
        number = line_name(written)
    except ValueError:
        number = ""
    if not E164.fullmatch(number):
        msg = f"{written[:32]!r} is not a telephone number: write it as +15550001"
        raise ValueError(msg)
    return number


def _sip_address(written: str) -> str:
    """The address, its host and its scheme in small letters, in which they are the same."""
    address, host = written.rpartition("@")[::2]
    scheme, _, user = address.partition(":")
    try:
        return str(parse_address(f"{scheme.lower()}:{user}@{host.lower()}"))
    except RejectedError as error:
        raise ValueError(str(error)) from None


def read_numbers(path: Path) -> list[str]:
    """The telephone numbers and SIP addresses of a file with one in each line.

    Raises:
        UsageError: one of them cannot be read: a list of people who want no calls protects nobody if it has holes.

    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        return [_number(line.strip()) for line in lines if line.strip()]
    except OSError as error:
        msg = f"{path}: {error.strerror or error}"
        raise UsageError(msg) from None
    except ValueError as error:
        msg = f"{path}: {error}, one in each line"
        raise UsageError(msg) from None


def _contact(row: int, fields: list[str], names: list[str], number_at: int) -> Contact | BadRow:
    if len(fields) != len(names):
        return BadRow(row, f"has {len(fields)} fields where the heading has {len(names)}")
    written = fields[number_at].strip().removeprefix("'")  # spreadsheets keep the plus sign of a number with it
    try:
        number = _number(written)
    except ValueError as error:
        return BadRow(row, str(error))
    values = {name: field.strip() for name, field in zip(names, fields, strict=True) if name}
    zone = next((values.pop(name) for name in _ZONE_COLUMNS if name in values), "")
    variables = {
        (name if name[0].isalpha() else f"c_{name}"): value
        for name, value in values.items()
        if value and name not in _NUMBER_COLUMNS
    }
    if len(variables) > _MOST_VARIABLES or any(len(value) > _LONGEST_VALUE for value in variables.values()):
        return BadRow(row, f"more than {_MOST_VARIABLES} columns, or one of more than {_LONGEST_VALUE} characters")
    return Contact(row=row, number=number, zone=zone, variables=variables)
