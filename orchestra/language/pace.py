"""A caller who wants to be spoken to more slowly, or faster, in any language that the platform speaks."""

import re
from typing import Final, Literal

#: whoever says more than this says something else, too, and means that
_MOST_WORDS: Final = 12

_SPEAK = (
    r"speak|speaking|talk|talking|say|read|repeat|habl\w+|sprech\w*|sprich|red\w{1,2}|parl\w+|fal[ae]\w*|praat|praten"
    r"|spreek|spreken"
)
_SLOWER = (
    r"slower|more slowly|slowly|slow down|m[áa]s despacio|despacio|m[áa]s lento|m[áa]s lentamente|langsamer|langsam"
    r"|plus lentement|moins vite|lentement|pi[ùu] lentamente|pi[ùu] piano|pi[ùu] lento|lentamente|mais devagar|devagar"
    r"|mais lento|mais lentamente|langzamer|trager|langzaam"
)
_FASTER = (
    r"faster|quicker|more quickly|m[áa]s r[áa]pido|m[áa]s deprisa|schneller|plus vite|plus rapidement|pi[ùu] veloce"
    r"|pi[ùu] velocemente|pi[ùu] in fretta|mais r[áa]pido|mais depressa|sneller"
)
#: beside a word of pace alone, these make it a wish about the voice
_BESIDE = (
    r"please|could you|can you|a|bit|little|un|poco|bitte|etwas|ein|bisschen|peu|s'il|vous|plaît|plait|per|favore|pouco"
    r"|por|favor|alsjeblieft|alstublieft|graag|wat|iets|go|no|sorry|yes"
)
_TOO_FAST = (
    r"too fast|too quick\w*|demasiado r[áa]pido|muy r[áa]pido|zu schnell|trop vite|troppo veloce\w*|troppo in fretta"
    r"|r[áa]pido demais|depressa demais|te snel"
)
_TOO_SLOW = (
    r"too slow\w*|demasiado (?:despacio|lento)|zu langsam|trop lentement|troppo (?:lento|lentamente|piano)"
    r"|devagar demais|te langzaam"
)


_NOT_COMPARED = r"(?! (?:than|que|als|dan)\b)"


def _words(choices: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{choices})\b{_NOT_COMPARED}", re.IGNORECASE)


def _alone(choices: str) -> re.Pattern[str]:
    beside = rf"(?:(?:{_BESIDE})\b\W*)*"
    return re.compile(rf"\W*{beside}(?:{choices})\b\W*{beside}", re.IGNORECASE)


_SPEAKS: Final = _words(_SPEAK)
#: complaints come first: "too slowly" has "slowly" in it
_WISHES: Final[tuple[tuple[Literal["slower", "faster"], re.Pattern[str], re.Pattern[str]], ...]] = (
    ("faster", _words(_TOO_SLOW), _alone(_TOO_SLOW)),
    ("slower", _words(_TOO_FAST), _alone(_TOO_FAST)),
    ("slower", _words(_SLOWER), _alone(_SLOWER)),
    ("faster", _words(_FASTER), _alone(_FASTER)),
)


def pace_wish(text: str) -> Literal["slower", "faster", ""]:
    """Whether the caller asks for another pace: "slower, please", "Sie sprechen zu schnell", "¿más despacio?"."""
    if len(text.split()) > _MOST_WORDS:
        return ""
    speaks = _SPEAKS.search(text) is not None
    return next((wish for wish, said, alone in _WISHES if (speaks and said.search(text)) or alone.fullmatch(text)), "")
