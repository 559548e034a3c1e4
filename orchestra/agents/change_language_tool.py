"""``change_language`` for an app that speaks several languages: the call goes on in another one of them."""

from typing import Annotated, Any, Literal

import msgspec

from orchestra.agents.builtin import CHANGE_LANGUAGE
from orchestra.agents.tool import Tool, read_arguments
from orchestra.errors import RejectedError
from orchestra.language import find_language
from orchestra.language.tags import base_of


class ChangeLanguageTool(Tool):
    """Changes the language of the call to one of these codes."""

    def __init__(self, codes: tuple[str, ...]) -> None:
        self.codes = codes
        names = {code: find_language(code).name for code in codes}
        self._names = {name.casefold(): code for code, name in names.items()}
        self._known = " and ".join(filter(None, (", ".join([*names.values()][:-1]), [*names.values()][-1])))

        def change_language(language: str) -> str:
            """Go on in another language, when the caller asks for it or does not understand the present one."""
            return f"From now on the call is in {names[language]}: go on in it, and do not say that it was changed."

        listed = ", ".join(f"{code} ({name})" for code, name in names.items())
        change_language.__annotations__ = {
            "language": Annotated[Literal[codes], msgspec.Meta(description=listed)],
            "return": str,
        }
        super().__init__(change_language, name=CHANGE_LANGUAGE, idempotent=True)

    def check(self, arguments: str) -> dict[str, Any]:
        """The arguments, with the code as the app writes it; models may give a name or another region.

        Raises:
            RejectedError: the app does not speak it; the message says what it speaks.

        """
        given = read_arguments(self.name, arguments)
        wanted = str(given.get("language", "")).strip()
        exact = next((code for code in self.codes if code.casefold() == wanted.casefold()), "")
        same = next((code for code in self.codes if base_of(code) == base_of(wanted)), "")
        code = exact or same or self._names.get(wanted.casefold(), "")
        if not code:
            msg = f"only {self._known} can be spoken here: say so to the caller, politely, and offer these"
            raise RejectedError(msg)
        return super().check(msgspec.json.encode(given | {"language": code}).decode())
