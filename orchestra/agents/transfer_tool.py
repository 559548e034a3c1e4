"""``transfer_call`` for an app whose callers may be passed on to other apps as well as to a person."""

from typing import Annotated, Any, Final, Literal

import msgspec

from orchestra.agents.builtin import KnownTool, transfer_call
from orchestra.agents.tool import ToolContext, read_arguments
from orchestra.errors import RejectedError
from orchestra.language import find_language

#: whom agents name for a person
PERSON: Final = "person"


class TransferTool(KnownTool):
    """Passes the caller on to one of these: other apps, agents of theirs, or a person.

    Args:
        targets: names of the apps and agents.
        person: whether there is a person, too.

    """

    def __init__(self, targets: tuple[str, ...], *, person: bool) -> None:
        choices = self.targets = (PERSON, *targets) if person else targets

        def transfer(context: ToolContext, to: str, briefing: str = "") -> str:
            """Pass the caller on, when they ask for somebody else or somebody else can help them better."""
            del briefing
            phrases = find_language(context.language).phrases
            return phrases.transferring if to == PERSON else phrases.passing_on

        transfer.__annotations__ = {
            "context": ToolContext,
            "to": Annotated[Literal[choices], "who takes the call"],
            "briefing": Annotated[str, "what they should know, in a sentence"],
            "return": str,
        }
        super().__init__(transfer, name=transfer_call.name, idempotent=True)

    def check(self, arguments: str) -> dict[str, Any]:
        """The arguments, with the name of the target as the app writes it.

        Raises:
            RejectedError: there is nobody of that name; the message says who there is.

        """
        given = read_arguments(self.name, arguments)
        name = str(given.get("to", "")).strip().casefold()
        known = next((target for target in self.targets if target.casefold() == name), "")
        if not known:
            choices = ", ".join(self.targets)
            msg = f"there is nobody called {str(given.get('to', ''))[:64]!r} to transfer to: choose one of {choices}"
            raise RejectedError(msg)
        return super().check(msgspec.json.encode(given | {"to": known}).decode())
