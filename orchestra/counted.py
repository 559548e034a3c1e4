"""Counts of things in English."""


def counted(count: int, what: str) -> str:
    """How many there are, ``what`` in the singular of a word that takes an s.

    >>> counted(1, "file"), counted(2_000, "file")
    ('1 file', '2,000 files')
    """
    return f"{count:,} {what}{'' if count == 1 else 's'}"
