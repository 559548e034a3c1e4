"""What an app is told when it is asked for the variables of a call that begins."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

import msgspec

from orchestra.language.registry import DEFAULT_CODE


class NewCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call that begins, for the function that is marked with ``@app.on_call``.

    Attributes:
        call: its id.
        from_number: E.164; empty if the carrier sent none. A caller's number can be forged.
        to_number: what was dialled.
        direction: ``outbound`` if the system has placed it.
        line: the line that decided which app answers; empty if one app answers everything.
        language: in which it begins (BCP 47).
        variables: what was given with it: by whoever placed it, or by chosen headers of a SIP call.
        resources: the value that the app's ``lifespan`` yielded, None without one.
        http: an HTTP client, as in `ToolContext`.

    """

    call: str
    from_number: str = ""
    to_number: str = ""
    direction: Literal["inbound", "outbound"] = "inbound"
    line: str = ""
    language: str = DEFAULT_CODE
    variables: dict[str, str] = {}
    resources: Any = None
    http: Any = None

    @property
    def caller_number(self) -> str:
        """The number of the person on the line, whoever placed the call."""
        return self.to_number if self.direction == "outbound" else self.from_number


OnCall = Callable[[NewCall], Awaitable[Mapping[str, Any] | None] | Mapping[str, Any] | None]
