"""Whether a caller has agreed to a question, in English."""

from typing import Final

from orchestra.language.agreement import Agreement
from orchestra.language.english.stemming import words

_AGREEMENT: Final = Agreement(
    yes="yes, yeah, yep, yup, aye, sure, correct, exactly, absolutely, definitely, certainly, confirm, ahead",
    may_say_yes="ok, okay, right, fine, good, great, perfect, course, alright, lovely, please",
    no="""
    no, nope, nah, not, don't, doesn't, isn't, won't, never, neither, wait, stop, cancel, hold, instead, rather, but,
    actually, different, another, other, change, wrong, unsure, maybe
    """,
    beside="""
    a, all, and, by, do, for, go, i, id, is, it, its, like, me, of, on, so, sounds, thank, thanks, that, thats, the,
    then, this, to, uh, uhm, um, very, well, with, would, you
    """,
    asks="is, would",  # "is that right" asks; a question mark after "right" may only be how it was said
    words=words,
    marked=False,
)
agrees = _AGREEMENT.agrees
simply_agrees = _AGREEMENT.simply_agrees
