"""The audit of a call: who looked at what of it."""

from typing import ClassVar

from orchestra_schemas.event import Event


class CallAccessed(Event, frozen=True, kw_only=True):
    """Somebody looked at the call in the console, or used what is kept of it; it may be over.

    ``operator`` is the name of their token, ``action`` what they did, in words ("played recording").
    """

    family: ClassVar[str] = "operators"
    operator: str
    action: str
