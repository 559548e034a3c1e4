"""An operator takes a call over with a WAV file as the microphone, through all that a browser does to one."""

import itertools
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import OperatorHandedBack, OperatorTookOver, ReplyInterrupted, ReplySpoken
from tests.console.consoles import console_settings, serving_console
from tests.console.steering.panel_page import heard_by, heard_from_s, loudness, panel_page
from tests.console.steering.stepping_in import AGENT_HZ, BEEP_S, BEEPS, EVERY_S, beeps, calling, heard_beeps
from tests.voice.edges import Greeting, running_edge

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

RATE = 48_000
#: the browser adapts its gain and its noise suppression to the microphone at first
ADAPTED_BEEPS = 4


def write_microphone(path: Path) -> Path:
    """Beeps, each of its own pitch: a steady tone would be suppressed as noise."""
    samples = np.repeat(beeps(), RATE // 8000)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return path


def longest_s(heard: npt.NDArray[np.float64]) -> float:
    """How long a tone near the agents' was heard without a pause: some of the beeps are near it, too."""
    loud = np.flatnonzero(np.diff(loudness(heard, 8000, AGENT_HZ) > 0.05, prepend=False, append=False))
    return max((float(end - begin) / 100 for begin, end in zip(loud[::2], loud[1::2], strict=True)), default=0.0)


async def test_the_caller_hears_what_the_microphone_has_and_no_agent(
    bus: TestBus, settings: Settings, tmp_path: Path
) -> None:
    microphone = write_microphone(tmp_path / "microphone.wav")
    greeting = " ".join(["word"] * 200)
    async with (
        running_edge(bus, settings, "how can I help you", app=Greeting(greeting=greeting)) as running,
        serving_console(console_settings(settings)) as console,
        calling(running) as (line, call),
        panel_page(console, call, microphone=microphone) as desk,
    ):
        await desk.until_shown("The agents have the call")
        assert await line.until(lambda: bool(heard_from_s(heard_by(line), 8000, AGENT_HZ)), 20.0)
        await desk.button("Take over").click()
        await desk.until_shown("You are speaking with the caller")
        took_over = await running.event(OperatorTookOver)
        assert (await running.event(ReplyInterrupted)).stopped_by == "operator"
        await line.until(lambda: False, (BEEPS + ADAPTED_BEEPS) * EVERY_S + 2.0)
        heard = heard_by(line)[round((took_over.at - line.started_at + 1.0) * 8000) :]
        await desk.button("Hand back …").click()
        await desk.page.get_by_label("Nothing that the agent has to know").check()
        await desk.button("Hand back").click()
        assert (await running.event(OperatorHandedBack)).note == ""
        await desk.until_shown("The agents have the call")
        understood = await running.event(ReplySpoken, operator="operator")
        assert (understood.text, understood.engine) == ("how can I help you", "script")
        back = await running.event(ReplySpoken, operator="")
        assert back.text.startswith("You are speaking with our assistant again")
    assert longest_s(heard) < 2 * BEEP_S  # an agent's tone does not pause
    found = heard_beeps(heard, 8000)
    assert len(found) >= BEEPS - ADAPTED_BEEPS, found
    in_order = sorted(found, key=lambda number: found[number])
    pauses = [found[later] - found[earlier] for earlier, later in itertools.pairwise(in_order)]
    assert sum(abs(pause - EVERY_S) < 0.1 for pause in pauses) >= len(pauses) // 2, found
