"""Calls by voice: a real edge on any line, and callers who speak and listen in real time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from orchestra.errors import EngineError
from orchestra.evaluation.recorded_caller import GrowingJournal
from orchestra.evaluation.sandbox import Candidate, Sandbox, open_sandbox
from orchestra.evaluation.simulation.agent_words import AgentWords
from orchestra.evaluation.simulation.caller import SimulatedCaller
from orchestra.evaluation.simulation.runs import Conversation, HeldCall
from orchestra.evaluation.simulation.spoken_call import Noises, SpokenCaller
from orchestra.lines import AppId
from orchestra.settings import Settings
from orchestra.simulator import (
    ImprovisedConversation,
    Patience,
    PhoneLine,
    measure_turns,
    simulated_carrier,
    to_telephone,
    write_stereo,
)
from orchestra.simulator import SimulatedCaller as Dialler
from orchestra.simulator.caller_voice import CallerVoice, caller_voice
from orchestra.simulator.new_caller import DEFAULT_LINE, new_caller
from orchestra.stack import stack
from orchestra.voice.engines.local import LocalSpeech
from orchestra_schemas import CallEnded, CallStarted

_CALL_WITHIN_S = 1800.0
_SETTLED_WITHIN_S = 15.0
#: who hears nothing for so long asks whether anybody is there
_PATIENCE = Patience(reply_s=12.0)
#: who calls, unless the scenario says it
_NUMBER = "+15550001"


@asynccontextmanager
async def open_voice_conversations(
    candidate: Candidate, *, app: str = "", line: str = "twilio", recordings: Path | None = None
) -> AsyncIterator[Conversation]:
    """Start the workers of the app in a sandbox, and an edge; remove everything at the end of the block.

    Args:
        candidate: what answers; its settings name the edge's speech engines.
        app: the candidate's app as ``module:attribute``, for the process of the edge; empty: that of the settings.
        line: how callers reach it: one of `orchestra.simulator.SIMULATED_CARRIERS`.
        recordings: the folder for a recording of each call, named by its id: caller left, agents right. None: none.

    Raises:
        MissingExtraError: there is no embedded server, no such model or no speech in this installation.
        SettingError: the model has no server.

    """
    speech = await asyncio.to_thread(LocalSpeech.load)
    async with (
        open_sandbox(candidate, partitions=candidate.settings.partitions, simulated=True) as sandbox,
        simulated_carrier(line) as carrier,
        caller_voice(candidate.settings, speech) as voice,
    ):
        folder, redis_url = sandbox.bus.settings.data_dir, sandbox.bus.settings.redis_url
        own = {
            "app": app or candidate.settings.app,
            "redis_url": redis_url,
            "data_dir": folder,
            "partitions": sandbox.bus.partitions,
            "port": 0,
            "public_url": None,
        }
        settings = Settings.model_validate(candidate.settings.model_dump() | own | carrier.settings)
        async with stack(settings, logs=folder / "logs", workers=()) as running:
            address = running.sip if line == "sip" else running.url

            def dial(number: str, to: str) -> Dialler:
                if line == "telnyx":  # its callers come by the network that the edge commands
                    return carrier.caller(address, None)
                return new_caller(settings, line, address, number=number, to=to)

            noises = Noises(lambda text: to_telephone(*speech.synthesize(text)))
            yield _VoiceConversation(sandbox, dial, voice, speech, noises, recordings)


@dataclass(frozen=True, slots=True)
class _VoiceConversation:
    """See `orchestra.evaluation.simulation.runs.Conversation`.

    Attributes:
        sandbox: where the agents work.
        dial: makes somebody who calls the edge, from a number, and dials something.
        voice: says what callers say.
        speech: hears what the journal does not tell.
        noises: behind the callers.
        recordings: the folder for them.

    """

    sandbox: Sandbox
    dial: Callable[[str, str], Dialler]
    voice: CallerVoice
    speech: LocalSpeech
    noises: Noises
    recordings: Path | None

    async def __call__(self, caller: SimulatedCaller, resources: Mapping[AppId, Any]) -> HeldCall:
        """Hold one call to its end."""
        scenario, line = caller.scenario, PhoneLine()
        dialler = self.dial(scenario.number or _NUMBER, scenario.line or DEFAULT_LINE)
        journal = self.sandbox.journals.next_call(partial(self._begins, dialler, resources))
        words = AgentWords(line, partial(self.speech.transcribe, language=caller.language), journal)
        mind = SpokenCaller(caller, self.voice, words)
        microphone = await asyncio.to_thread(self.noises.microphone, caller.plan)
        talk = ImprovisedConversation(mind, patience=_PATIENCE, replying=words.are_coming, microphone=microphone)
        broken_off = ""
        try:
            async with asyncio.timeout(_CALL_WITHIN_S):
                outcome = await dialler.call(line, talk)
            broken_off = await self._settled(journal, str(outcome))
        except TimeoutError:
            broken_off = f"the call was not over after {_CALL_WITHIN_S:.0f} s"
        except EngineError as error:
            broken_off = str(error)
        finally:
            call = journal.history.call
            self.sandbox.resources.pop(call, None)
        await mind.hear()
        if talk.unanswered_turn:
            broken_off = broken_off or f"nobody answered what the caller said in turn {talk.unanswered_turn}"
        tracks = line.tracks
        if self.recordings is not None and call:
            await asyncio.to_thread(write_stereo, self.recordings / f"{call}.wav", tracks.caller, tracks.agent)
        turns = await asyncio.to_thread(measure_turns, tracks.caller, tracks.agent, talk.said_spans)
        return HeldCall(
            call=call,
            events=journal.events,
            history=journal.history,
            invalid=mind.strayed,
            broken_off=broken_off,
            wait_ms=tuple(1000 * turn.response_s for turn in turns if turn.response_s is not None),
        )

    def _begins(self, dialler: Dialler, resources: Mapping[AppId, Any], started: CallStarted) -> bool:
        """Whether this is the call that was dialled; its tools then get these resources."""
        own = dialler.provider_call
        if not own or not (started.provider_call == own or started.provider_call.startswith(f"{own}.")):
            return False
        self.sandbox.resources[started.call] = resources
        return True

    async def _settled(self, journal: GrowingJournal, outcome: str) -> str:
        """Wait until the journal has the end of the call. Returns why it lacks it; empty: it has it."""
        try:
            async with asyncio.timeout(_SETTLED_WITHIN_S):
                await journal.until(lambda event: isinstance(event, CallEnded), 0)
        except TimeoutError:
            return f"{outcome}, and {_SETTLED_WITHIN_S:.0f} s later the journal lacks the end of the call"
        return ""
