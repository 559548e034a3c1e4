"""Counts of things in English."""


def counted(count: float, what: str) -> str:
    """How many there are, ``what`` in the singular of a word that takes an s.

    >>> counted(1, "file"), counted(2_000, "file"), counted(0.5, "day")
    ('1 file', '2,000 files', '0.5 days')
    """
    return f"{count:,.15g} {what}{'' if count == 1 else 's'}"  # 15: as exact as a float; a whole number without ".0"
