"""Scripted callers for the demo app: data that `orchestra demo` and `orchestra call` speak and the tests check."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """What the scripted caller says in one turn, and what has to come back.

    Attributes:
        text: what the caller says, written for a speech engine: without commas, at which it would pause.
        barge_in_after_s: seconds after the first audio of the reply to the line *before*: the caller starts to speak
            then, over that reply. None: the caller waits until the reply is over.
        agent: the agent that answers; empty if that does not matter.
        tools: tools that are called in this turn, in this order; handoffs are not among them.
        words: what the reply has to say, see `missing`.
        ends_call: the agent ends the call after its reply.
        transfers: the agent hands the call to a person after its reply.

    """

    text: str
    barge_in_after_s: float | None = None
    agent: str = ""
    tools: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    ends_call: bool = False
    transfers: bool = False

    def missing(self, reply: str) -> tuple[str, ...]:
        """The `words` that ``reply`` does not say. Case, punctuation and the spaces between digits do not count."""
        said = _plain(reply)
        return tuple(word for word in self.words if _plain(word) not in said)


@dataclass(frozen=True, slots=True)
class Script:
    """One scripted call: its lines are spoken in order, after the greeting."""

    name: str
    about: str
    lines: tuple[Line, ...]


def _plain(text: str) -> str:
    """Lower-case words with one space between them; digits that stand apart are joined: ``4 2-7 1`` → ``4271``."""
    words = " ".join(re.findall(r"[a-z0-9]+", text.lower().replace("'", "")))
    return re.sub(r"(?<=\d) (?=\d)", "", words)


DEMO = Script(
    name="demo",
    about="a question, an interruption, a parcel's status, a new delivery, good-bye",
    lines=(
        Line(
            "What are your opening hours?",
            agent="reception",
            tools=("search_knowledge",),
            words=("Monday to Saturday", "seven in the evening"),
        ),
        Line(
            "And what happens if a parcel gets lost?",
            agent="reception",
            tools=("search_knowledge",),
            words=("five working days",),
        ),
        Line(
            "Excuse me where is my parcel four two seven one?",
            barge_in_after_s=2.5,
            agent="tracking",
            tools=("find_parcel",),
            words=("4 2 7 1", "Hill Street"),
        ),
        Line(
            "Please deliver it again.",
            agent="redelivery",
            words=("which day",),
        ),
        Line(
            "On Friday please.",
            agent="redelivery",
            tools=("redeliver",),
            words=("4 2 7 1", "Friday"),
        ),
        Line(
            "Thank you and goodbye.",
            tools=("end_call",),
            words=("good-bye",),
            ends_call=True,
        ),
    ),
)

STATUS = Script(
    name="status",
    about="the parcel number is asked for and given in the next turn",
    lines=(
        Line("Hello where is my parcel?", agent="tracking", words=("which parcel number",)),
        Line("The number is three six nine two.", agent="tracking", tools=("find_parcel",), words=("3 6 9 2", "today")),
        Line("Thank you and goodbye.", tools=("end_call",), ends_call=True),
    ),
)

COMPLAINT = Script(
    name="complaint",
    about="a complaint is taken down, then the caller asks for a person",
    lines=(
        Line("I want to make a complaint.", agent="complaints", words=("which parcel number",)),
        Line("The number is nine two six four.", agent="complaints", words=("what went wrong",)),
        Line("The box was broken and a cup is missing.", agent="complaints", words=("call you back",)),
        Line("Yes please.", agent="complaints", tools=("open_complaint",), words=("complaint", "9 2 6 4")),
        Line("I would like to speak to a person please.", tools=("transfer_call",), transfers=True),
    ),
)

QUESTIONS = Script(
    name="questions",
    about="questions only, one repeated, one that has nothing to do with parcels",
    lines=(
        Line("How much does it cost to send a parcel?", tools=("search_knowledge",), words=("four pounds fifty",)),
        Line("Could you say that again please?", words=("four pounds fifty",)),
        Line("What will the weather be like tomorrow?", tools=("search_knowledge",), words=("parcels",)),
        Line("Do I have to pay customs duty?", tools=("search_knowledge",), words=("customs",)),
        Line("Thank you and goodbye.", tools=("end_call",), ends_call=True),
    ),
)

SCRIPTS: dict[str, Script] = {script.name: script for script in (DEMO, STATUS, COMPLAINT, QUESTIONS)}
