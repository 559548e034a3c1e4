"""When a simulated caller has left the role, and when they have not."""

import pytest

from orchestra.errors import EngineError, StrayedError
from orchestra.evaluation.simulation.caller import SimulatedCaller
from orchestra.evaluation.simulation.disturbances import Disturbances
from orchestra.evaluation.simulation.is_said import is_said
from orchestra.evaluation.simulation.persona import CallerTurn, Spoken
from orchestra.evaluation.simulation.role import strayed
from orchestra.evaluation.simulation.scenario import Scenario

SCENARIO = Scenario(name="parcel", goal="know where it is", must_not_know=("9264", "Hill Street"), words=("depot",))
GREETING = Spoken(who="agent", text="Welcome to Swift Parcel. How can I help you?", turn=0)


def agent(text: str) -> Spoken:
    return Spoken(who="agent", text=text, turn=1)


def caller(text: str) -> Spoken:
    return Spoken(who="caller", text=text, turn=1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("How can I help you today?", "plays the agent"),
        ("Agent: your parcel is on its way.", "plays the agent"),
        ("Thank you for calling Swift Parcel!", "plays the agent"),
        ("Wie kann ich Ihnen heute weiterhelfen? Wie kann ich Ihnen helfen?", "plays the agent"),
        ("welcome to swift parcel, how can I help you", "the agent"),
        ("I'm sorry, but I can't assist with that.", "refuses"),
        ("As an AI language model, I have no parcels.", "refuses"),
        ("Als KI-Sprachmodell habe ich keine Pakete.", "refuses"),
        ('{"name": "hang_up", "arguments": {}}', "cannot be said"),
        ("<|im_start|>assistant", "cannot be said"),
        ("?!… —", "cannot be said"),
        ("word " * 130, "speech of 130 words"),
        ("It is the one with nine two six four.", "must not know, '9264'"),
        ("Is it in hill street?", "must not know, 'Hill Street'"),
    ],
)
def test_who_leaves_the_role_is_told_how(text: str, reason: str) -> None:
    assert reason in strayed(SCENARIO, [GREETING], CallerTurn(text=text))


@pytest.mark.parametrize(
    "text",
    [
        "I can't find my number, sorry.",
        "Can you help me with my parcel?",
        "I cannot wait any longer!",
        "Yes.",
        "I am sorry, I cannot be at home on Friday.",
        "So it is at the depot, right?",
    ],
)
def test_what_callers_say_is_no_leaving_of_the_role(text: str) -> None:
    assert strayed(SCENARIO, [GREETING], CallerTurn(text=text)) == ""


def test_what_the_agents_have_said_may_be_said() -> None:
    told = [GREETING, caller("Where is it?"), agent("It is at the depot in Hill Street.")]
    assert strayed(SCENARIO, told, CallerTurn(text="In Hill Street? Thanks.")) == ""


def test_the_same_words_to_different_replies_are_a_loop_but_to_the_same_question_they_are_not() -> None:
    loop = [GREETING, caller("Where is it?"), agent("Which number?"), caller("Where is it?"), agent("I need a number.")]
    assert "again and again" not in strayed(SCENARIO, loop[:-2], CallerTurn(text="Where is it?"))
    assert "again and again" in strayed(SCENARIO, loop, CallerTurn(text="where is it"))
    stuck = [each if each.who == "caller" else agent("Which number?") for each in loop]
    assert strayed(SCENARIO, stuck, CallerTurn(text="Where is it?")) == ""


def test_silence_and_keys_that_no_telephone_has_are_nothing_that_a_caller_does() -> None:
    assert "neither says nor does" in strayed(SCENARIO, [], CallerTurn())
    assert "no telephone has" in strayed(SCENARIO, [], CallerTurn(keys="12x"))
    assert strayed(SCENARIO, [], CallerTurn(keys="4271#")) == strayed(SCENARIO, [], CallerTurn(hang_up=True)) == ""


@pytest.mark.parametrize(
    ("wanted", "text", "language", "said"),
    [
        ("4271", "Parcel four two seven one is here.", "en", True),
        ("order 12", "Shall I cancel order twelve?", "en", True),
        ("order twelve", "Shall I cancel order 12?", "en", True),
        ("4271", "vier zwei sieben eins", "de", True),
        ("Hill Street", "in hill-street.", "en", True),
        ("4271", "42715", "en", False),
        ("", "anything", "en", False),
    ],
)
def test_numbers_are_the_same_however_they_are_written(wanted: str, text: str, language: str, said: bool) -> None:
    assert is_said(wanted, text, language) is said


class Persona:
    """Does what it is told to, or fails."""

    def __init__(self, *turns: CallerTurn | Exception) -> None:
        self.turns = list(turns)

    async def next(self, conversation: object) -> CallerTurn:
        assert isinstance(conversation, list)
        turn = self.turns.pop(0)
        if isinstance(turn, Exception):
            raise turn
        return turn


async def test_a_caller_is_held_to_turns_and_role_and_disturbed_by_the_seed() -> None:
    scenario = Scenario(
        name="parcel", goal="…", words=("depot",), max_turns=2, disturbances=Disturbances(corrections=(2,))
    )
    persona = Persona(CallerTurn(text="Where is it?"), CallerTurn(text="Number 4271."))
    held = SimulatedCaller(scenario, persona, seed=1)
    held.hear("Hello?")
    assert (await held.next()).text == "Where is it?"
    held.hear("Which number?")
    corrected = (await held.next()).text
    assert corrected.endswith("no, sorry, 4271.")
    assert corrected != "Number 4271."
    assert (await held.next()).hang_up
    assert held.out_of_turns
    assert [each.turn for each in held.conversation] == [0, 1, 1, 2]


async def test_a_caller_whom_nobody_plays_strays() -> None:
    held = SimulatedCaller(SCENARIO, Persona(EngineError("model m: HTTP 500")), seed=1)
    with pytest.raises(StrayedError, match="nobody plays the caller: model m: HTTP 500"):
        await held.next()
