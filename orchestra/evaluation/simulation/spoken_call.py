"""The caller of a simulated call as a voice: what they say and how they listen, disturbed as planned."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from orchestra.errors import StrayedError
from orchestra.evaluation.simulation.agent_words import AgentWords
from orchestra.evaluation.simulation.caller import SimulatedCaller
from orchestra.evaluation.simulation.disturbances import DisturbancePlan
from orchestra.simulator import SAMPLE_RATE, DisturbedMicrophone, Listening, Utterance, make_noise
from orchestra.simulator.caller_voice import CallerVoice
from orchestra.simulator.noise import Noise
from orchestra.voice.audio.mulaw import Samples

#: how fast people and synthetic voices speak, in seconds a word
_WORD_S = 0.4
_NOISES_KEPT = 8


class SpokenCaller:
    """Decides for an `ImprovisedConversation` what the caller of a run does.

    Args:
        caller: of the run.
        voice: says it.
        words: what the caller has heard.

    Attributes:
        strayed: why the call proves nothing: the caller left their role, or nobody plays them. Empty: it counts.

    """

    def __init__(self, caller: SimulatedCaller, voice: CallerVoice, words: AgentWords) -> None:
        self.strayed = ""
        self._caller, self._voice, self._words = caller, voice, words
        self._hangs_up = False
        self._cut_after = 0

    async def listening(self, number: int) -> Listening:
        """How they listen to the reply before their next turn."""
        del number  # the caller's own count goes on only where they do something
        turn = self._caller.plan.turn(self._caller.number + 1)
        hangs_up, interrupts = turn.hangs_up_after_words, turn.interrupts_after_words
        self._cut_after = 0 if self._hangs_up else hangs_up or interrupts
        return Listening(
            interrupts_after_s=_WORD_S * interrupts if interrupts and not self._hangs_up else None,
            hangs_up_after_s=_WORD_S * hangs_up if hangs_up else None,
            backchannel=await self._voice.speak(turn.backchannel, self._caller.language) if turn.backchannel else None,
            backchannel_after_s=_WORD_S * turn.backchannel_after_words,
            silence_s=turn.silence_s,
        )

    async def utterance(self, number: int) -> Utterance | None:
        """What they say next; None: they hang up."""
        del number
        await self.hear()
        if self._hangs_up:
            return None
        try:
            turn = await self._caller.next()
        except StrayedError as error:
            self.strayed = str(error)
            return None
        self._hangs_up = turn.hang_up
        if turn.text:
            return Utterance(turn.text, await self._speak(turn.text), digits=turn.keys)
        return Utterance("", np.zeros(0, dtype=np.int16), digits=turn.keys, silent=True) if turn.keys else None

    async def hear(self) -> None:
        """Take what the agents have said since the last time."""
        cut_after, self._cut_after = self._cut_after, 0
        interrupted = cut_after if self._words.are_coming() else 0  # a short reply may have been over before
        self._caller.hear(await self._words.take(interrupted), cut=bool(interrupted))

    async def _speak(self, text: str) -> Samples:
        """The text as speech, with a pause in the middle if that is planned."""
        plan, number, language = self._caller.plan, self._caller.number, self._caller.language
        words, pause_s = text.split(), plan.turn(number).pause_s
        at = plan.pause_at(number, len(words)) if pause_s else 0
        if not at:
            return await self._voice.speak(text, language)
        parts = [await self._voice.speak(" ".join(part), language) for part in (words[:at], words[at:])]
        return np.concatenate((parts[0], np.zeros(round(pause_s * SAMPLE_RATE), dtype=np.int16), parts[1]))


class Noises:
    """The noises of several calls, each made once.

    Args:
        speak: a text as speech (8 kHz), for people in the background.

    """

    def __init__(self, speak: Callable[[str], Samples]) -> None:
        speak_once = lru_cache(_NOISES_KEPT)(speak)
        self._made = lru_cache(_NOISES_KEPT)(lambda kind, seed: make_noise(kind, seed, speak_once))

    def microphone(self, plan: DisturbancePlan) -> DisturbedMicrophone | None:
        """What is done to the caller's audio in this call; None: nothing. Takes a second: run it in a thread.

        Raises:
            UsageError: the file with the noise cannot be read.

        """
        given = plan.disturbances
        if not given.of_the_line:
            return None
        noise: Noise | None = self._made(given.noise, plan.seed) if given.noise else None
        return DisturbedMicrophone(
            plan.seed,
            noise=noise,
            snr_db=given.snr_db,
            packet_loss=given.packet_loss,
            loss_burst=given.loss_burst,
            bad_line=given.bad_line,
            gain_db=given.gain_db,
        )
