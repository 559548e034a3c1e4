"""Makes text from callers, models, tools, peers and other people's files safe to show on a terminal."""

import re

# Cc and Cf of Unicode, surrogates and line separators: they move the cursor, reverse or hide text, or start a terminal
# command; losing U+00AD and the emoji's U+200D and U+FE0F with them does no harm in a terminal
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff\ud800-\udfff]"
)
_REPLACEMENT = "�"


def printable(text: str) -> str:
    """The text with every control, format and bidirectional character as ``�``; line ends and tabs are kept."""
    return _CONTROLS.sub(_REPLACEMENT, text)


def escaped(json: str) -> str:
    r"""JSON text with such characters as ``\u009b``: the same values for a program, and harmless on a terminal."""
    return _CONTROLS.sub(_escape, json)


def _escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[index : index + 2].hex()}" for index in range(0, len(units), 2))
