"""A language without tables: figures and signs are understood, and nothing is said around a value but the value."""

from typing import Final

from orchestra.language.values.port import CapturePhrases, ValueWords

_NONE: Final[frozenset[str]] = frozenset()
_ASKS: Final = "{question}"

VALUES: Final = ValueWords(
    code="",
    phrases=CapturePhrases(
        questions=dict.fromkeys(
            ("number", "digits", "name", "email", "phone", "date", "address", "yesno", "choice"), "{value}?"
        )
        | {"card": "1234 5678 …?", "card_expiry": "MM/YY?", "card_cvc": "123?"},
        right="{value}?",
        ending="… {value}",
        again=_ASKS,
        wrong=_ASKS,
        invalid=_ASKS,
        go_on="{value}…",
        spell="A, B, C?",
        keys="0–9, #?",
        or_="/",
    ),
    numbers={},
    hundreds={},
    thousands=_NONE,
    millions=_NONE,
    joins=_NONE,
    times={},
    point=_NONE,
    minus=_NONE,
    half=_NONE,
    yes=frozenset({"ok", "okay", "yes"}),
    no=frozenset({"no"}),
    but=_NONE,
    unwilling=_NONE,
    negations=_NONE,
    first=_NONE,
    last=_NONE,
    ordinals={},
    months={},
    weekdays={},
    days={},
    within=_NONE,
    units={},
    next=_NONE,
    at=("@",),
    signs={".": ".", "_": "_", "-": "-", "+": "+"},
    introduces=_NONE,
    fillers=_NONE,
    as_in=_NONE,
)
