from pathlib import Path

import pytest

from orchestra.demo import app
from orchestra.demo.parcels import Parcels
from orchestra.demo.scripts import DEMO, SCRIPTS, Line, Script
from tests.execution.in_process import CallInProcess

_WORDS_A_SECOND = 3.2


@pytest.mark.parametrize("routed", [False, True], ids=["by handoff", "by router"])
@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
async def test_every_call_follows_its_script(tmp_path: Path, script: Script, routed: bool) -> None:
    await _play(script, Parcels(tmp_path / "parcels.sqlite"), routed=routed)


async def test_a_script_runs_the_same_way_a_second_time_on_the_same_parcels(tmp_path: Path) -> None:
    parcels = Parcels(tmp_path / "parcels.sqlite")
    for _ in range(2):
        await _play(DEMO, parcels, routed=True)


async def _play(script: Script, parcels: Parcels, *, routed: bool) -> None:
    call = CallInProcess(app, parcels, routed=routed)
    for line in script.lines:
        if line.barge_in_after_s is not None:
            reply = call.messages[-1].content.split()
            assert len(reply) > _WORDS_A_SECOND * (line.barge_in_after_s + 2), "too short to be spoken over"
            call.interrupted(" ".join(reply[: round(_WORDS_A_SECOND * line.barge_in_after_s)]))
        answered = await call.say(line.text)
        assert line.agent in ("", answered.agent)
        assert answered.tools == line.tools
        assert not line.missing(answered.reply), answered.reply
        assert ("end_call" in answered.tools) == line.ends_call
        assert ("transfer_call" in answered.tools) == line.transfers


def test_the_demo_call_uses_knowledge_tools_and_barge_in() -> None:
    assert len(DEMO.lines) >= 5
    assert {tool for line in DEMO.lines for tool in line.tools} >= {
        "search_knowledge",
        "find_parcel",
        "redeliver",
        "end_call",
    }
    assert any(line.barge_in_after_s for line in DEMO.lines)
    assert DEMO.lines[-1].ends_call


@pytest.mark.parametrize(
    ("reply", "missing"),
    [
        ("Your parcel 4 2 7 1 is here.", ()),
        ("your PARCEL 42-71", ()),
        ("Your parcel 4 2 7 2.", ("4 2 7 1",)),
        ("It's 4271", ("Parcel",)),
    ],
)
def test_expected_words_are_found_in_any_spelling(reply: str, missing: tuple[str, ...]) -> None:
    assert Line("", words=("4 2 7 1", "Parcel")).missing(reply) == missing
