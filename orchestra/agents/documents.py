"""Reads the files of a knowledge folder as sections: a title, and running text without markup."""

import logging
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from orchestra.errors import AppError, MissingExtraError

#: title and text
Section = tuple[str, str]
#: a file → its modification time and size, and its sections
Read = dict[Path, tuple[tuple[int, int], list[Section]]]

_SUFFIXES = (".md", ".txt", ".pdf")
_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*\s*$")
_FENCE = re.compile(r"^\s*(```|~~~)")
#: shorter paragraphs of a text file are joined with the next
_SHORTEST_PARAGRAPH = 40
#: a line of a PDF with space left for the next word was ended on purpose; no page is narrower than this
_NARROWEST_LINE = 40
#: begins an item or a number; a capital letter, or one of a script without them, begins a sentence
_BEGINS = re.compile(r"[\d•*–-]")
#: a word that is divided between two lines
_DIVIDED = re.compile(r"(?<=[^\W\d_])-\n(?=[^\W\d_])(?![A-ZÀ-ÖØ-Þ])")
#: at the end of a line: its sentence continues on the next line
_GOES_ON = re.compile(
    r"(?:[,;:.!?…–-]|\b(?:a|an|and|at|but|by|for|from|in|is|of|on|or|our|the|to|with|your|Dr|Mrs?|Ms|St"
    r"|y|o|e|ou|und|oder|et|en|op|el|la|le|il|lo|les|los|las|gli|der|das|den|dem|des|ein|eine|un|una|une|um|uma|een|het"
    r"|de|del|della|di|da|do|dos|du|van|von|für|mit|zu|im|am|con|com|avec|para|por|pour|per|sur|su|voor|met|à|al|au))$"
)


def read_folder(folder: Path, before: Read) -> Read:
    """Every file's sections, in order of the file names; files unchanged since ``before`` are not read again.

    Raises:
        AppError: the folder is missing, has no pages, or a page cannot be read.
        MissingExtraError: there is a PDF, and no library to read it.

    """
    if not folder.is_dir():
        msg = f"knowledge folder {folder} is not there: create it with Markdown pages in it, or correct the path"
        raise AppError(msg)
    pages = sorted(page for page in folder.rglob("*") if page.suffix.lower() in _SUFFIXES and page.is_file())
    if not pages:
        msg = (
            f"knowledge folder {folder} has no Markdown page, text or PDF (*.md, *.txt, *.pdf): add one, or leave the "
            "app's knowledge out"
        )
        raise AppError(msg)
    found: Read = {}
    for page in pages:
        status = page.stat()
        stamp = (status.st_mtime_ns, status.st_size)
        known = before.get(page)
        found[page] = known if known is not None and known[0] == stamp else (stamp, list(_sections_of(page)))
    return found


def _sections_of(page: Path) -> Iterator[Section]:
    name = page.stem.replace("-", " ").replace("_", " ")
    if page.suffix.lower() == ".pdf":
        yield from _pdf(page, name)
        return
    try:
        text = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"knowledge page {page} cannot be read as UTF-8 text ({error}): correct the file or take it out"
        raise AppError(msg) from error
    yield from _split(text, name) if page.suffix.lower() == ".md" else _paragraphs(text, name)


def _pdf(page: Path, name: str) -> Iterator[Section]:
    """One section per page of the PDF; its title is the document's, or the file's name."""
    try:
        from pypdf import PdfReader  # noqa: PLC0415 - only where there is a PDF
    except ModuleNotFoundError as error:
        msg = f"knowledge page {page}: install pypdf with 'orchestra-voice[agents]', or take the PDF out"
        raise MissingExtraError(msg) from error
    logging.getLogger("pypdf").setLevel(logging.ERROR)
    try:
        reader = PdfReader(page)
        title = str((reader.metadata.title if reader.metadata else None) or name)
        texts = [sheet.extract_text() for sheet in reader.pages]
    except Exception as error:  # a damaged PDF can raise any exception in pypdf
        why = " ".join(str(error).split()) or type(error).__name__
        msg = f"knowledge page {page} cannot be read as a PDF ({why}): correct the file or take it out"
        raise AppError(msg) from error
    for text in texts:
        words = " ".join(_with_headings_apart(_DIVIDED.sub("", text)).split())
        if words:
            yield title, words


def _with_headings_apart(text: str) -> str:
    """The lines of a PDF, with a full stop after headings and items, which have none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    width = max([_NARROWEST_LINE, *map(len, lines)])
    return "\n".join(
        _ended(line) if _begins(after) and len(line) + 1 + len(after.split()[0]) <= width else line
        for line, after in pairwise([*lines, ""])
    )


def _begins(line: str) -> bool:
    return (line[:1].isalpha() and not line[:1].islower()) or _BEGINS.match(line) is not None


def _ended(heading: str) -> str:
    """A heading with a full stop, unless its sentence continues."""
    return heading if _GOES_ON.search(heading) else f"{heading}."


def _paragraphs(text: str, name: str) -> Iterator[Section]:
    """The paragraphs of a text; a short one, such as a heading, is joined with the next."""
    short = ""
    for paragraph in re.split(r"\n\s*\n", text):
        words = " ".join(f"{_ended(short) if short else ''} {paragraph}".split())
        short = words if len(words) < _SHORTEST_PARAGRAPH else ""
        if words and not short:
            yield name, words
    if short:
        yield name, short


def _split(page: str, name: str) -> Iterator[tuple[str, str]]:
    """A page's sections; a section with only a heading is left out."""
    title, heading, lines, in_code = name, "", list[str](), False
    for line in page.splitlines():
        in_code ^= bool(_FENCE.match(line))
        marked = None if in_code else _HEADING.match(line)
        if marked is None:
            lines.append(line)
            continue
        yield from _section(title, heading, lines)
        lines = []
        title, heading = (marked[2], "") if len(marked[1]) == 1 else (title, marked[2])
    yield from _section(title, heading, lines)


def _section(title: str, heading: str, lines: list[str]) -> Iterator[tuple[str, str]]:
    text = _plain("\n".join(lines))
    if text:
        yield (f"{title}: {heading}" if heading else title), text


def _plain(markdown: str) -> str:
    """Running text without Markdown: links become their text, list items become sentences."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    text = re.sub(r"^\s*(?:[-*+]|\d+[.)])\s+(.*?)([.:;,!?]?)\s*$", _item, text, flags=re.MULTILINE)
    text = re.sub(r"^\s*(?:>|```\w*|~~~\w*)\s?", "", text, flags=re.MULTILINE)
    text = re.sub(r"(\*\*|__|`)(.+?)\1", r"\2", text)
    return " ".join(text.split())


def _item(match: re.Match[str]) -> str:
    return f"{match[1]}{match[2] if match[2] in '.!?' and match[2] else '.'}"
