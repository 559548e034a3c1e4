"""Whether a caller has agreed to a question, in English."""

from typing import Final

from orchestra.language.english.stemming import words

_SAYS_YES: Final = frozenset(
    words("yes yeah yep yup aye sure correct exactly absolutely definitely certainly confirm ahead")
)
_MAY_SAY_YES: Final = frozenset(words("ok okay right fine good great perfect course alright lovely please"))
_SAYS_NO: Final = frozenset(
    words("""
    no nope nah not dont doesnt isnt wont never neither wait stop cancel hold instead rather but actually different
    another other change wrong unsure maybe
    """)
)
_SMALL: Final = frozenset(
    words("""
    a all and by do for go i id is it its like me of on so sounds thank thanks that thats the then this to uh uhm um
    very well with would you
    """)
)


def agrees(text: str) -> bool:
    """Whether these words say yes, and nothing in them says no: ``yes, the four two seven one``."""
    said = frozenset(words(text))
    return simply_agrees(text) or bool(said & _SAYS_YES and not said & _SAYS_NO)


def simply_agrees(text: str) -> bool:
    """Whether these words say yes, and nothing more: ``yes please``, ``okay, go ahead``, ``that's fine``."""
    spoken = words(text)
    if spoken[:1] in (["is"], ["would"]):  # "is that right" asks
        return False
    said = frozenset(spoken)
    return bool(said & (_SAYS_YES | _MAY_SAY_YES)) and said <= _SAYS_YES | _MAY_SAY_YES | _SMALL
