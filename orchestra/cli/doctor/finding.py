"""What `orchestra doctor` finds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: ``ok`` is None where it is not needed with these settings."""

    what: str
    ok: bool | None
    detail: str
