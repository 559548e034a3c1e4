"""Recorded calls put to an app of today: what the caller did is done again, and what differs is named by its turn."""

import json
import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from orchestra import Line, Lines, tool
from orchestra.agents.builtin import ACTS_ON_CALL, collect_digits
from orchestra.agents.tool import ToolContext
from orchestra.cli import app as command_line
from orchestra.demo import app
from orchestra.demo.scripts import SCRIPTS
from orchestra.errors import UsageError
from orchestra.evaluation.call_diff import Comparison, TurnDiff, notes, turn_diff, word_diff
from orchestra.evaluation.compare import call_diff, compare
from orchestra.evaluation.comparison_page import html_report
from orchestra.evaluation.recorded_tools import RecordedTools
from orchestra.evaluation.sandbox import Candidate, summarize_recording, with_prompts
from orchestra.history.reduce import history_of
from orchestra.history.views.turn_summaries import ToolSummary, TurnSummary, call_summary
from orchestra.settings import Settings
from orchestra_schemas import (
    AgentChanged,
    CallEnded,
    CallStarted,
    Event,
    ReplyChunk,
    ReplyInterrupted,
    ToolRequested,
    TurnCompleted,
    UserTurnEnded,
)
from tests.agents.golden import golden, read

NO_PARCELS = "I am sorry, I can only help you with parcels."


def recording(script: str) -> list[Event]:
    return [read(line) for line in golden(script).read_text("utf-8").splitlines()]


def candidate(tmp_path: Path, changed: object = app, **options: object) -> Candidate:
    settings = Settings(data_dir=tmp_path, redis_url=None)
    return Candidate(app=changed, settings=settings, **options)  # type: ignore[arg-type]


def reworded() -> object:
    prompts = {
        agent.name: agent.instructions("en").replace(NO_PARCELS, "Parcels are all I know.") for agent in app.agents
    }
    return with_prompts(app, prompts)


async def test_the_current_app_reproduces_the_demos_journals(tmp_path: Path) -> None:
    found = await compare({script: recording(script) for script in SCRIPTS}, candidate(tmp_path))
    assert (found.turns, found.diverged, found.failed) == (19, 0, {})
    assert {call.candidate_version for call in found.calls} == {app.version}
    answered = {step.answered for call in found.calls for turn in call.turns for step in turn.candidate.tools}
    assert answered == {"recording", "tool"}, "only the platform's own tools and the look-up run"


async def test_a_recording_whose_turns_were_predicted_to_be_over_is_compared(tmp_path: Path) -> None:
    script = next(iter(SCRIPTS))
    spoken = [
        msgspec.structs.replace(event, predicted=True) if isinstance(event, UserTurnEnded) else event
        for event in recording(script)
    ]
    found = await compare({script: spoken}, candidate(tmp_path))
    assert found.turns > 1
    assert (found.diverged, found.failed) == (0, {})


async def test_another_prompt_shows_in_the_turn_that_it_changes(tmp_path: Path) -> None:
    found = await compare({"q": recording("questions")}, candidate(tmp_path, reworded()))
    (call,) = found.calls
    (turn,) = call.diverged
    assert (turn.number, turn.differs) == (3, ("reply",))
    assert turn.candidate.reply == "Parcels are all I know."
    assert (len(call.turns), call.ended) == (5, "")


async def test_a_comparison_that_stops_at_a_divergence_ends_the_call_there(tmp_path: Path) -> None:
    found = await compare({"q": recording("questions")}, candidate(tmp_path, reworded()), on_divergence="stop")
    assert ([turn.number for turn in found.calls[0].turns], found.calls[0].ended) == ([1, 2, 3], "diverged")


async def test_a_tool_with_a_recorded_result_is_not_run_and_its_resources_stay_closed(tmp_path: Path) -> None:
    @tool(idempotent=True, examples=("where is my parcel",))
    def find_parcel(number: str, context: ToolContext) -> str:
        """Find out where a parcel is, by its parcel number of four digits."""
        raise AssertionError(number, context)

    agents = tuple(replace(a, tools=(find_parcel,)) if a.name == "tracking" else a for a in app.agents)
    found = await compare({"s": recording("status")}, candidate(tmp_path, replace(app, agents=agents)))
    (step,) = [step for step in found.calls[0].turns[1].candidate.tools if step.name == "find_parcel"]
    assert (step.answered, step.failed) == ("recording", False)
    assert found.calls[0].turns[1].differs == ()


async def test_a_running_call_whose_agent_is_gone_is_compared_up_to_its_last_turn(tmp_path: Path) -> None:
    agents = tuple(
        replace(agent, handoffs=tuple(name for name in agent.handoffs if name != "complaints"))
        for agent in app.agents
        if agent.name != "complaints"
    )
    running = [event for event in recording("complaint") if not isinstance(event, CallEnded)]
    found = await compare({"c": running}, candidate(tmp_path, replace(app, agents=agents)))
    (call,) = found.calls
    assert any("no longer has the agent 'complaints', which answered turn 1, 2, 3, 4" in note for note in call.notes)
    assert any("still running" in note and "only 5 turns can be compared" in note for note in call.notes)
    assert call.diverged[0].number == 1
    assert "agent" in call.diverged[0].differs


async def test_a_recording_without_a_turn_fails_alone(tmp_path: Path) -> None:
    empty: list[Event] = [CallStarted(call="07-0199a0b4-c0de-7000-8000-00000000aaaa")]
    found = await compare({"empty": empty, "s": recording("status")}, candidate(tmp_path))
    assert "no turn of the caller's" in found.failed["empty"]
    assert len(found.calls) == 1


# -- tools


def asked(name: str, arguments: str, number: int = 1) -> ToolRequested:
    return ToolRequested(call="c", turn=1, agent="a", name=name, arguments=arguments, id=f"r{number}")


def recorded_tools(policy: str) -> RecordedTools:
    tools = RecordedTools(policy)  # type: ignore[arg-type]
    tools.enter(
        "c",
        [
            ToolSummary(name="find", arguments='{"number": "4271"}', result="at the depot"),
            ToolSummary(name="find", arguments='{"number": "4271"}', result="delivered"),
            ToolSummary(name="note", arguments='{"text": "the cup is broken"}', result="", failed=True),
        ],
    )
    return tools


def test_repeated_tool_calls_get_the_recorded_results_in_order() -> None:
    tools = recorded_tools("fail")
    same = ['{"number":"4271"}', '{"number": 4271}', '{"number": "4271"}']
    assert [tools(asked("find", arguments)) for arguments in same] == [
        (False, "at the depot"),
        (False, "delivered"),
        (False, "delivered"),
    ]


@pytest.mark.parametrize(
    ("policy", "answer", "answered"),
    [("recorded", (True, ""), "similar"), ("live", None, "tool")],
)
def test_a_tool_call_with_other_arguments_follows_the_policy(policy: str, answer: object, answered: str) -> None:
    tools = recorded_tools(policy)
    assert tools(asked("note", '{"text": "a broken cup"}')) == answer
    assert tools.answered("r1") == answered


@pytest.mark.parametrize(("policy", "name"), [("fail", "note"), ("recorded", "unheard_of")])
def test_a_tool_call_without_a_result_fails(policy: str, name: str) -> None:
    failed, why = recorded_tools(policy)(asked(name, '{"text": "a broken cup"}')) or (False, "")
    assert failed
    assert "the recording has no answer" in why


def test_the_platform_s_own_tools_act_on_the_sandbox_even_where_no_tool_runs() -> None:
    failed = {name for name in ACTS_ON_CALL if recorded_tools("fail")(asked(name, "{}")) is not None}
    assert failed == {collect_digits.name}


# -- differences


def turn(**fields: object) -> TurnSummary:
    return TurnSummary(**({"number": 1, "agent": "a", "reply": "It is here.", "version": "1"} | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("recorded", "candidate", "differs"),
    [
        (turn(), turn(reply="it is here"), ()),
        (turn(), turn(reply="It is there."), ("reply",)),
        (turn(), turn(agent="b"), ("agent",)),
        (turn(), turn(tools=(ToolSummary(name="find"),)), ("tools",)),
        (turn(), turn(rules=("no_promise",)), ("rules",)),
        (turn(version=""), turn(rules=("no_promise",)), ()),
        (turn(), turn(closing="ended"), ("end",)),
        (turn(), turn(failed=True), ("failure",)),
        (turn(cancelled="interrupted", reply="It is"), turn(), ()),
        (turn(cancelled="superseded", reply=""), turn(), ()),
    ],
    ids=["punctuation", "reply", "agent", "tools", "rules", "old recording", "end", "failure", "cut off", "spoke on"],
)
def test_what_differs_in_a_turn_is_named(
    recorded: TurnSummary, candidate: TurnSummary, differs: tuple[str, ...]
) -> None:
    assert turn_diff(recorded, candidate).differs == differs


def test_similar_replies_count_as_the_same() -> None:
    assert turn_diff(turn(), turn(reply="It is there."), alike=0.6).differs == ()


def test_a_word_diff_shows_both_sides() -> None:
    found = [(part.kind, part.text) for part in word_diff("It is at the depot.", "It is in Hill Street, at the depot.")]
    assert found == [("same", "It is"), ("candidate", "in Hill Street,"), ("same", "at the depot.")]


# -- recordings


def test_a_gap_and_a_missing_beginning_are_noted() -> None:
    events = [UserTurnEnded(call="c", turn=number, text="yes") for number in (1, 4)]
    said = list(notes(call_summary(history_of(events)), ["a"], []))
    assert any("lacks the beginning" in note for note in said)
    assert any("turn 2, 3 is missing" in note for note in said)


def test_a_recording_without_words_cannot_be_compared() -> None:
    with pytest.raises(UsageError, match="nothing to compare"):
        summarize_recording([CallStarted(call="c"), AgentChanged(call="c", agent="a")])


def test_the_part_of_an_interrupted_reply_that_was_heard_is_known() -> None:
    events = [
        UserTurnEnded(call="c", turn=1, text="where is it", at=10.0),
        ReplyChunk(call="c", turn=1, text="One moment.", filler=True, at=10.1),
        ReplyChunk(call="c", turn=1, text="At the depot.", agent="tracking", at=10.4),
        ReplyChunk(call="c", turn=1, text="It is open.", agent="tracking", at=10.5),
        TurnCompleted(call="c", turn=1, agent="tracking", text="At the depot. It is open.", at=10.6),
        ReplyInterrupted(call="c", turn=1, heard="At the"),
    ]
    (said,) = call_summary(history_of(events)).turns
    assert (said.reply, said.reply_heard, said.interrupted) == ("At the depot. It is open.", "At the", True)
    assert said.first_ms == pytest.approx(400)
    assert said.answer_ms == pytest.approx(600)


@pytest.mark.integration
def test_a_call_of_ten_thousand_turns_is_compared_and_shown(tmp_path: Path) -> None:
    call = "07-0199a0b4-c0de-7000-8000-00000000aaaa"
    events: list[Event] = [CallStarted(call=call)]
    for number in range(1, 10_001):
        events.append(UserTurnEnded(call=call, turn=number, text=f"question {number}"))
        events.append(TurnCompleted(call=call, turn=number, agent="reception", text=f"Answer {number}."))
    recorded = call_summary(history_of(events))
    diff = call_diff(recorded, call_summary(history_of(events)), candidate(tmp_path), last=10_000)
    assert (len(diff.turns), diff.diverged) == (10_000, ())
    assert "question 10000" in html_report(Comparison(calls=(diff,)), "long")


# -- the command


def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("ORCHESTRA_REDIS_URL", raising=False)
    told = CliRunner().invoke(command_line, ["compare", *arguments], catch_exceptions=False, standalone_mode=False)
    code = told.return_value if isinstance(told.return_value, int) else told.exit_code
    return code, told.stdout


def test_the_command_writes_a_page_and_fails_above_its_threshold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt = tmp_path / "reception.txt"
    prompt.write_text(app.team["reception"].instructions("en").replace(NO_PARCELS, "Parcels & <b>nothing</b> else."))
    shown = tmp_path / "page.html"
    options = ["--prompt", f"reception={prompt}", "--json", "--html", str(shown), "--max-diverged", "0.1"]
    code, output = command(tmp_path, monkeypatch, str(golden("questions")), *options)
    assert code == 1
    told = json.loads(output)
    assert (told["diverged"], told["share"]) == (1, 0.2)
    html = shown.read_text("utf-8")
    assert "&lt;b&gt;nothing&lt;/b&gt;" in html
    assert not re.search(r"(src|href)=", html), "the page needs nothing beside itself"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--json"], "name calls to compare"),
        (["{golden}", "--prompt", "nobody"], "AGENT=FILE"),
        (["{golden}", "--prompt", "nobody={golden}"], "no agent 'nobody'"),
        (["07-nothing"], "no recorded call matches"),
    ],
)
def test_wrong_options_of_compare_are_clear_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        command(tmp_path, monkeypatch, *(each.format(golden=golden("status")) for each in arguments))


def test_a_turns_difference_is_data_for_programs() -> None:
    diff = turn_diff(turn(), turn(reply="It is there."))
    assert msgspec.json.decode(msgspec.json.encode(diff), type=TurnDiff) == diff


def of_line(events: list[Event], **fields: object) -> list[Event]:
    """The recording, as one of a call to this line."""
    return [msgspec.structs.replace(event, **fields) if isinstance(event, CallStarted) else event for event in events]


async def test_of_several_apps_the_one_that_answers_the_call_s_line_is_compared(tmp_path: Path) -> None:
    other = replace(reworded(), name="other")  # type: ignore[type-var]
    lines = Lines({"+15550100": app, "+15550200": Line(app=other, closed=app)})
    calls = {
        "parcels": of_line(recording("questions"), app="", to_number="+15550100", line=""),
        "other": of_line(recording("questions"), app="other", version="of long ago", line="+15550200"),
        "nobody": of_line(recording("questions"), app="gone", to_number="+15550300", line=""),
    }
    found = await compare(calls, candidate(tmp_path, lines))
    assert {call.name: len(call.diverged) for call in found.calls} == {"parcels": 0, "other": 1}
    assert {call.name: call.candidate_version for call in found.calls} == {
        "parcels": app.version,
        "other": other.version,
    }
    assert found.failed["nobody"].startswith("no app answers +15550300 among the lines of")


def test_another_prompt_reaches_every_app_that_has_the_agent(tmp_path: Path) -> None:
    prompts = {app.agents[0].name: "Say nothing."}
    lines = Lines({"+15550100": app, "*": replace(app, name="other")})
    changed = with_prompts(lines, prompts)
    assert {each.agents[0].prompt for each in changed.apps} == {"Say nothing."}
    assert changed.version != lines.version
    assert candidate(tmp_path, changed).version == changed.version
    with pytest.raises(UsageError, match="has no agent 'nobody'"):
        with_prompts(lines, {"nobody": "x"})
