"""What English-speaking callers say before what they have to say."""

import re
from typing import Final

_LEADS_IN: Final = r"(?:(?:oh|okay|ok|yes|yeah|well|so|right|all right|alright|no|hi|hello|and|but),? )*"
_HELLO: Final = r"(?:hello|hi|hey|good (?:morning|afternoon|evening|day))(?: there| again| sir| ma'am)?"
_THANKS: Final = r"(?:many thanks|thank you|thanks)(?: (?:very|so) much| a lot)?(?: for [^.?!]+)?"
_IS: Final = r"(?:that|this|it)(?: is|'s| was| sounds)"
_APPROVES: Final = rf"{_IS} (?:all |very |quite |just )?(?:fine|good|great|okay|ok|right|correct|perfect|true|alright)"
_DENIES: Final = (
    rf"(?:{_IS} not|{_IS}n't|(?:that|this|it) isn't) (?:it|right|correct|true|the (?:right )?one|mine|what i \w+)"
    rf"|{_IS} (?:wrong|a mistake|incorrect)"
)
_KIND: Final = r"(?:questions?|problems?|requests?|things?|issues?|complaints?|favou?rs?|matters?)"
_ANNOUNCES: Final = (
    rf"(?:i have|i've(?: got)?|there is|there's|there are) (?:also |still |just )?"
    rf"(?:(?:a|an|one|another|two|some|a few|a couple of) (?:\w+ )?{_KIND}|something(?: else)?)"
    r"(?: for you| here| (?:that )?i (?:need|want|would like|have) to (?:ask|know|say|tell you)(?: you)?)?"
)
#: thanks after anything but a greeting close a turn ("the red one, thank you"); an announcement may follow anything
_PREAMBLE: Final = re.compile(
    rf"(?:{_HELLO}\W+)?{_LEADS_IN}(?:{_HELLO}|{_THANKS}|{_APPROVES}|{_DENIES})\W*"
    rf"|(?:.*[.!?] )?{_LEADS_IN}(?:{_ANNOUNCES})\W*",
    re.DOTALL,
)


def is_preamble(text: str) -> bool:
    """Whether ``text`` (lower case) only greets, thanks or judges what the agent said, or announces what follows."""
    return not text.endswith("?") and _PREAMBLE.fullmatch(text) is not None
