"""A caller who wants to be spoken to more slowly, or faster, in any language that the platform speaks."""

import re
from typing import Final, Literal

#: whoever says more than this says something else, too, and means that
_MOST_WORDS: Final = 12

_SPEAK = (
    r"speak|speaking|talk|talking|habl\w+|sprech\w*|sprich\w*|red(?:en|est|et)|parl(?:[aeio]|i?amo|are|ate|er|ez|es|ons)"
    r"|fal[ae]\w*|praat|praten|spreek|spreekt|spreken"
)
#: who wants to hear something again wants it slower; "they say it is faster" is of something else
_SAY = (
    r"(?<!they )(?<!people )(?<!did you )say|read (?:it|that|them)|repeat|repita|repet\w+|repit\w+|decir\w*|d[ií]ga\w*"
    r"|wiederhol\w+|sagen|vorlesen|répét\w+|redire|dire|dites|ripet\w+|dirlo|dizer|herhal\w+|zeggen"
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
    r"please|could you|can you|a|bit|little|un|poco|bitte|etwas|ein|bisschen|peu|s'il|vous"
    r"|plaît|plait|per|favore|pouco|por|favor|alsjeblieft|alstublieft|graag|wat|iets|go|no|sorry|yes"
)
_TOO_FAST = (
    r"too fast|too quick\w*|(?:not )?so fast|(?:not )?so quickly|demasiado r[áa]pido|muy r[áa]pido|tan r[áa]pido"
    r"|zu schnell|(?:nicht )?so schnell|trop vite|(?:pas )?si vite|troppo veloce\w*|troppo in fretta"
    r"|(?:non )?così veloce\w*|(?:non )?così in fretta|r[áa]pido demais|depressa demais|(?:não )?tão r[áa]pido"
    r"|(?:não )?tão depressa|te snel|(?:niet )?zo snel"
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
_SAYS: Final = _words(_SAY)
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
    speaks, says = _SPEAKS.search(text) is not None, _SAYS.search(text) is not None
    return next(
        (
            wish
            for wish, said, alone in _WISHES
            if ((speaks or (says and wish == "slower")) and said.search(text)) or alone.fullmatch(text)
        ),
        "",
    )
