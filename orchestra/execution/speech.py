"""Takes out of a sentence what cannot be spoken: Markdown, links, emoji."""

import re

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"!?\[([^\]]*)\]\([^)]*\)"), r"\1"),  # a link or picture is its words
    (re.compile(r"https?://(?:www\.)?([^\s/)]+)\S*"), r"\1"),  # an address is its host
    (re.compile(r"^\s{0,3}(?:#{1,6}\s+|>\s?|[-*+•]\s+|\d{1,3}[.)]\s+)"), ""),  # heading, quotation, list item
    (re.compile(r"`{1,3}|\*{1,3}|~~|(?<!\w)_{1,3}|_{1,3}(?!\w)"), ""),
    (re.compile(r"\s*\|\s*"), ", "),  # the cells of a table
    (re.compile(r"[\U0001F000-\U0001FAFF\u2600-\u27BF\uFE0F\u200D]"), ""),  # emoji and ornaments
    (re.compile(r"\s+"), " "),
    (re.compile(r" (?=[.,;:!?](?:\s|\Z))"), ""),
)


def spoken(sentence: str) -> str:
    """The sentence as plain words in one line; empty where nothing is left to say."""
    for pattern, replacement in _RULES:
        sentence = pattern.sub(replacement, sentence)
    sentence = sentence.strip(" ,") if sentence.startswith((" ,", ",")) else sentence.strip()
    return sentence if any(letter.isalnum() for letter in sentence) else ""
