"""The caller of a run as a voice: what is planned for a turn becomes what an `ImprovisedConversation` does."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from orchestra.errors import EngineError
from orchestra.evaluation.simulation.agent_words import AgentWords
from orchestra.evaluation.simulation.caller import SimulatedCaller
from orchestra.evaluation.simulation.disturbances import Disturbances
from orchestra.evaluation.simulation.persona import CallerTurn, Spoken
from orchestra.evaluation.simulation.scenario import Scenario
from orchestra.evaluation.simulation.spoken_call import Noises, SpokenCaller
from orchestra.simulator import PhoneLine
from orchestra.voice.audio.mulaw import Samples
from tests.simulator.tone_edge import tone

SCENARIO = Scenario(name="s", goal="know it", words=("yes",))


class Voice:
    """Says a tenth of a second for each letter."""

    def __init__(self) -> None:
        self.said: list[str] = []

    async def speak(self, text: str, language: str) -> Samples:
        self.said.append(f"{language}: {text}")
        return tone(0.1 * len(text))


class Persona:
    def __init__(self, *turns: CallerTurn) -> None:
        self._turns = list(turns)

    async def next(self, conversation: Sequence[Spoken]) -> CallerTurn:
        del conversation
        if not self._turns:
            msg = "the model is down"
            raise EngineError(msg)
        return self._turns.pop(0)


class Words(AgentWords):
    """Has always heard the same."""

    def __init__(self, coming: bool = False) -> None:
        super().__init__(PhoneLine(), lambda _, __: "", None)
        self.coming = coming
        self.cuts: list[int] = []

    def are_coming(self) -> bool:
        return self.coming

    async def take(self, cut_after: int = 0) -> str:
        self.cuts.append(cut_after)
        return "Where is it?"


def speaking(disturbances: Disturbances, *turns: CallerTurn, coming: bool = False) -> tuple[SpokenCaller, Voice, Words]:
    scenario = replace(SCENARIO, disturbances=disturbances, language="de")
    voice, words = Voice(), Words(coming)
    return SpokenCaller(SimulatedCaller(scenario, Persona(*turns), 1), voice, words), voice, words


async def test_what_is_planned_for_a_turn_is_how_the_caller_listens_before_it() -> None:
    disturbed = Disturbances(interruptions=(1,), interrupt_after_words=5, backchannels=(2,), silences=(2,), silence_s=4)
    mind, voice, words = speaking(disturbed, CallerTurn(text="Hallo."), coming=True)
    first = await mind.listening(1)
    assert (first.interrupts_after_s, first.backchannel, first.silence_s) == (2.0, None, 0.0)
    assert await mind.utterance(1) is not None
    second = await mind.listening(2)
    assert second.backchannel is not None
    assert (second.interrupts_after_s, second.silence_s) == (None, 4)
    assert words.cuts == [5]
    assert voice.said[0] == "de: Hallo."


async def test_a_reply_that_was_over_before_the_interruption_was_heard_out() -> None:
    mind, _, words = speaking(Disturbances(interruptions=(1,)), CallerTurn(text="Hallo."))
    await mind.listening(1)
    await mind.utterance(1)
    assert words.cuts == [0]


async def test_the_caller_hangs_up_in_the_reply_that_was_named_or_after_their_last_words() -> None:
    mind, _, _ = speaking(Disturbances(hang_up_after=1), CallerTurn(text="Hallo."))
    assert (await mind.listening(1)).hangs_up_after_s is None
    assert await mind.utterance(1) is not None
    assert (await mind.listening(2)).hangs_up_after_s is not None
    mind, _, _ = speaking(Disturbances(), CallerTurn(text="Bye.", hang_up=True), CallerTurn(text="never said"))
    assert await mind.utterance(1) is not None
    assert await mind.utterance(2) is None
    assert mind.strayed == ""


async def test_keys_are_pressed_without_a_word_or_after_what_is_said() -> None:
    mind, _, _ = speaking(Disturbances(), CallerTurn(keys="42#"), CallerTurn(text="Ja.", keys="1"))
    keyed, both = [await mind.utterance(number) for number in (1, 2)]
    assert keyed is not None
    assert both is not None
    assert (keyed.digits, keyed.samples.size, keyed.silent) == ("42#", 0, True)
    assert (both.digits, both.text, both.silent) == ("1", "Ja.", False)


async def test_the_caller_pauses_in_the_middle_of_the_sentence() -> None:
    mind, voice, _ = speaking(Disturbances(pauses=1.0, pause_s=2.0), CallerTurn(text="Wo ist denn mein Paket heute?"))
    said = await mind.utterance(1)
    assert said is not None
    assert len(voice.said) == 2
    assert " ".join(part.removeprefix("de: ") for part in voice.said) == said.text
    loud = np.flatnonzero(np.abs(said.samples) > 1_000)
    assert np.diff(loud).max() == pytest.approx(16_000, abs=100)


async def test_a_caller_whom_nobody_plays_hangs_up_and_the_call_proves_nothing() -> None:
    mind, _, _ = speaking(Disturbances())
    assert await mind.utterance(1) is None
    assert "the model is down" in mind.strayed


def test_two_runs_of_a_seed_have_the_same_noise_and_it_is_made_once() -> None:
    spoken: list[str] = []

    def speak(text: str) -> Samples:
        spoken.append(text)
        return tone(1.0)

    noises = Noises(speak)
    disturbed = replace(SCENARIO, disturbances=Disturbances(noise="babble", packet_loss=0.1))
    sent = []
    for seed in (1, 1, 2):
        microphone = noises.microphone(SimulatedCaller(disturbed, Persona(), seed).plan)
        assert microphone is not None
        microphone.begin("turn 1")
        sent.append([microphone(bytes([255]) * 160) for _ in range(200)])
    assert sent[0] == sent[1] != sent[2]
    assert len(spoken) == len(set(spoken))
    assert noises.microphone(SimulatedCaller(SCENARIO, Persona(), 1).plan) is None
