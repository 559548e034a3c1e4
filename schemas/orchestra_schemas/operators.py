"""What an operator does to a running call. A console publishes these; the edge that has the call acts on them.

Their ``turn`` is 0: who watches a call from outside does not number its turns. ``operator`` is the name under which
somebody is known to the console, never what they signed in with.
"""

from typing import ClassVar

from orchestra_schemas.event import Event


class OperatorJoined(Event, frozen=True, kw_only=True):
    """An operator is present in the call from here on. ``listens``: they hear both sides.

    ``console`` is the process at which they listen: the same operator may listen at several, and leaves each by itself.
    """

    family: ClassVar[str] = "operators"
    operator: str
    listens: bool = False
    console: str = ""


class OperatorSaid(Event, frozen=True, kw_only=True):
    """The agent's voice is to say ``text`` now, in place of what it is saying or about to say.

    The edge answers with a `ReplySpoken` or `ReplyInterrupted` of a turn of its own that names the operator, too.
    """

    family: ClassVar[str] = "operators"
    operator: str
    text: str


class OperatorWhispered(Event, frozen=True, kw_only=True):
    """A note to the agents for the next turn that begins. The caller does not hear it."""

    family: ClassVar[str] = "operators"
    operator: str
    note: str


class OperatorTookOver(Event, frozen=True, kw_only=True):
    """From here on the operator's voice is the voice of the call, and the agents are silent.

    The first one has the call until they hand it back or leave; another's is without effect until then.
    """

    family: ClassVar[str] = "operators"
    operator: str


class OperatorHandedBack(Event, frozen=True, kw_only=True):
    """The agents have the call again. ``note`` is what the operator agreed with the caller."""

    family: ClassVar[str] = "operators"
    operator: str
    note: str = ""


class OperatorPassedOn(Event, frozen=True, kw_only=True):
    """Another ``agent`` of the app, or another ``app``, is to answer from the next turn on: one of the two is set.

    ``briefing`` is what it is told. An operator who had taken the call over has handed it back with this.
    """

    family: ClassVar[str] = "operators"
    operator: str
    agent: str = ""
    app: str = ""
    briefing: str = ""


class OperatorLeft(Event, frozen=True, kw_only=True):
    """An operator is no longer present. ``listens`` and ``console`` as in the `OperatorJoined` that this ends.

    Where the operator had taken the call over and this is not only the end of listening, the agents have it again. An
    edge publishes it, too, when nothing more is heard of that operator, or when the call has no audio to speak into.
    """

    family: ClassVar[str] = "operators"
    operator: str
    reason: str = ""
    listens: bool = False
    console: str = ""
