"""One result of `orchestra doctor`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """The result of one check; ``ok`` is None if these settings do not need it."""

    what: str
    ok: bool | None
    detail: str
