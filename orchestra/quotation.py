"""Other people's words as one line that can neither end a quotation nor begin a block of markup."""

import unicodedata
from typing import Final

#: quotation marks and markup, which could end a quotation or begin a block
_MARKS: Final = str.maketrans(dict.fromkeys('"“”„«»`<>{}[]|\\#*=', " "))


def one_line(words: str, longest: int) -> str:
    """The words without control characters, quotation marks and markup; at most so many characters of them."""
    plain = "".join(" " if unicodedata.category(letter).startswith(("C", "Z")) else letter for letter in words)
    line = " ".join(plain.translate(_MARKS).split())
    return line if len(line) <= longest else f"{line[:longest]}…"


def quoted(words: str, longest: int) -> str:
    """The same in quotation marks."""
    return f'"{one_line(words, longest)}"'
