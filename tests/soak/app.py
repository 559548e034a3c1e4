"""The app of the soak in two versions: the one whose words are tones, which also judges every call at its end."""

from dataclasses import replace

from orchestra.agents.after import After, Judge
from orchestra.agents.lines import Line, Lines
from orchestra.history.call import CallHistory
from tests.faults.spoken.app import app as spoken


def is_answered(history: CallHistory) -> bool | str:
    unanswered = [turn.number for turn in history.turns if turn.ended is not None and not turn.reply]
    return f"turn {unanswered[0]} has no reply" if unanswered else True


app = replace(
    spoken,
    name="soak",
    after=After(judges=(Judge("answered", is_answered),), success=is_answered, shortest_s=0.0, shortest_turns=0),
)
candidate = replace(app, agents=tuple(replace(agent, prompt="You answer in brief.") for agent in app.agents))
lines = Lines({"*": Line(versions={app: 100, candidate: 0})})
