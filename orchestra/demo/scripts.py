"""Scripted callers for the demo app: `orchestra demo` and `orchestra call` speak them, and tests check them."""

import re
from dataclasses import dataclass

from orchestra.language.registry import DEFAULT_CODE


@dataclass(frozen=True, slots=True)
class Line:
    """One turn of the scripted caller, and the expected reply.

    Attributes:
        text: what the caller says, written for a speech engine: without commas, at which it would pause.
        digits: keys that the caller presses after the agent has asked for them.
        barge_in_after_s: seconds after the first audio of the reply to the line *before*: the caller starts to speak
            then, over that reply. None: the caller waits until the reply is over.
        agent: the agent that answers; empty if that does not matter.
        tools: tools that are called in this turn, in this order; handoffs are not among them.
        words: words that the reply must contain, see `missing`.
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
    digits: str = ""

    def missing(self, reply: str) -> tuple[str, ...]:
        """The `words` that ``reply`` lacks, ignoring case, punctuation and spaces between digits."""
        said = _plain(reply)
        return tuple(word for word in self.words if _plain(word) not in said)


@dataclass(frozen=True, slots=True)
class Script:
    """One scripted call: its lines in order, after the greeting.

    Attributes:
        name: its name for `orchestra demo --script`.
        about: what happens in it.
        lines: what the caller says.
        app: the app that answers.
        edges: number of edge processes.
        edge_dies: the edge of the call is killed while it speaks.
        person: words of the person to whom the call is transferred; empty: the transfer is not followed.
        line: how the caller reaches the system: the carrier's name.
        answered_by: who or what answers an outbound call, in the carrier's words; empty: the caller calls.
        language: what caller and agents speak.

    """

    name: str
    about: str
    lines: tuple[Line, ...]
    app: str = "orchestra.demo:app"
    edges: int = 1
    edge_dies: bool = False
    person: str = ""
    line: str = "twilio"
    answered_by: str = ""
    language: str = DEFAULT_CODE


def _plain(text: str) -> str:
    """Lower-case words with single spaces; separate digits are joined: ``4 2-7 1`` → ``4271``."""
    words = " ".join(re.findall(r"\w+", text.lower().replace("'", "")))
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

TRANSFER = Script(
    name="transfer",
    about="the caller asks for a person, who hears a briefing, accepts the call with a key, and talks to the caller",
    lines=(
        Line("My parcel arrived broken.", agent="complaints"),
        Line("I would like to speak to a person, please.", tools=("transfer_call",), transfers=True),
    ),
    person="Good morning, this is Anna speaking. I have read about your parcel.",
)

DIGITS = Script(
    name="digits",
    about="the parcel number is keyed in on the telephone",
    lines=(
        Line("Hello, where is my parcel?", agent="tracking", words=("which parcel number",)),
        Line(
            "I would like to type it in.",
            agent="tracking",
            tools=("collect_digits", "find_parcel"),
            words=("4 2 7 1", "Hill Street"),
            digits="4271#",
        ),
        Line("No, thank you. Good bye.", tools=("end_call",), ends_call=True),
    ),
    app="orchestra.demo.lines:keypad",
)

VOICEMAIL = Script(
    name="voicemail",
    about="an outbound call is answered by a machine, which records the message",
    lines=(),
    app="orchestra.demo.lines:outbound",
    answered_by="machine_end_beep",
)

EDGE_DIES = Script(
    name="edge-dies",
    about="the edge is killed in the middle of a reply, and another edge says the rest",
    lines=(
        Line(
            "What happens if a parcel gets lost?",
            agent="reception",
            tools=("search_knowledge",),
            words=("five working days",),
        ),
        Line("Thank you, good bye.", tools=("end_call",), words=("good-bye",), ends_call=True),
    ),
    edges=2,
    edge_dies=True,
)

IN_SPANISH = Script(
    name="demo",
    about="una pregunta, una interrupción, el estado de un paquete, una nueva entrega, despedida",
    lines=(
        Line(
            "¿Cuál es el horario?",
            agent="reception",
            tools=("search_knowledge",),
            words=("lunes a sábado", "siete de la tarde"),
        ),
        Line(
            "¿Y qué pasa si se pierde un paquete?",
            agent="reception",
            tools=("search_knowledge",),
            words=("cinco días laborables",),
        ),
        Line(
            "Quiero saber dónde está mi paquete cuatro dos siete uno.",
            barge_in_after_s=2.5,
            agent="tracking",
            tools=("find_parcel",),
            words=("cuatro dos siete uno", "calle Mayor"),
        ),
        Line("Quiero una nueva entrega por favor.", agent="redelivery", words=("qué día",)),
        Line(
            "Quiero que sea el viernes.",
            agent="redelivery",
            tools=("redeliver",),
            words=("cuatro dos siete uno", "viernes"),
        ),
        Line("Muchas gracias por su ayuda y adiós.", tools=("end_call",), words=("adiós",), ends_call=True),
    ),
    app="orchestra.demo.team:in_spanish",
    language="es",
)

IN_GERMAN = Script(
    name="demo",
    about="eine Frage, eine Unterbrechung, der Stand eines Pakets, eine neue Zustellung, Abschied",
    lines=(
        Line(
            "Guten Tag was kostet ein Paket?",
            agent="reception",
            tools=("search_knowledge",),
            words=("vier Euro fünfzig", "neun Euro"),
        ),
        Line(
            "Und was passiert wenn ein Paket verloren geht?",
            agent="reception",
            tools=("search_knowledge",),
            words=("fünf Werktage",),
        ),
        Line(
            "Entschuldigung wo ist mein Paket vier zwei sieben eins?",
            barge_in_after_s=2.5,
            agent="tracking",
            tools=("find_parcel",),
            words=("vier zwei sieben eins", "Bergstraße"),
        ),
        Line("Ich möchte eine neue Zustellung.", agent="redelivery", words=("welcher Tag",)),
        Line(
            "Bringen Sie es am Freitag.",
            agent="redelivery",
            tools=("redeliver",),
            words=("vier zwei sieben eins", "Freitag"),
        ),
        Line("Vielen Dank für Ihre Hilfe und tschüss.", tools=("end_call",), words=("Wiederhören",), ends_call=True),
    ),
    app="orchestra.demo.team:in_german",
    language="de",
)

#: the same call in other languages
TRANSLATED: dict[str, Script] = {script.language: script for script in (IN_SPANISH, IN_GERMAN)}
#: conversations
SCRIPTS: dict[str, Script] = {script.name: script for script in (DEMO, STATUS, COMPLAINT, QUESTIONS)}
#: features of the telephone line itself
SHOWS: dict[str, Script] = {script.name: script for script in (TRANSFER, DIGITS, VOICEMAIL, EDGE_DIES)}
