"""What a robot that answers a telephone for its owner may say."""

from typing import Literal, Protocol

#: it asks who calls and why · has them wait · says that its owner does not take the call · takes a message
ScreeningCue = Literal["asks", "waits", "declines", "takes_message"]


class ReadsScreening(Protocol):
    """Tells from words what a robot says with them; None if a person may have said them."""

    def __call__(self, text: str, *, screened: bool) -> ScreeningCue | None:
        """``screened``: the call is being screened, so that words count which people say as well."""
