"""The caller of one simulated call, whoever plays them and however they are heard."""

import asyncio

from msgspec.structs import replace

from orchestra.counted import counted
from orchestra.errors import EngineError, StrayedError
from orchestra.evaluation.simulation.disturbances import DisturbancePlan
from orchestra.evaluation.simulation.persona import CallerTurn, Persona, Spoken
from orchestra.evaluation.simulation.role import strayed
from orchestra.evaluation.simulation.scenario import Scenario

#: for a persona to decide; with more, a call by voice would have been given up
_DECIDES_WITHIN_S = 60.0


class SimulatedCaller:
    """The caller of one run: a persona that is held to its role and to its turns, and disturbed by the run's seed.

    Args:
        scenario: who they are.
        persona: plays them.
        seed: of the run.

    Attributes:
        language: what they speak (BCP 47); English if the scenario does not say it.
        plan: what disturbs each of their turns.
        conversation: what both sides have said so far.
        number: of the caller's last turn; 0 before the first.
        out_of_turns: they hung up because they had no turns left.
        last: what the persona did last.

    """

    def __init__(self, scenario: Scenario, persona: Persona, seed: int) -> None:
        self.scenario = scenario
        self.language = scenario.language or "en"
        self.plan = DisturbancePlan(scenario.disturbances, seed, self.language)
        self.conversation: list[Spoken] = []
        self.number = 0
        self.out_of_turns = False
        self.last = CallerTurn()
        self._persona = persona

    def hear(self, reply: str, *, cut: bool = False) -> None:
        """The caller has heard a reply to their last turn, or as much of it as they let the agents say (``cut``)."""
        if reply:
            self.conversation.append(Spoken(who="agent", text=reply, turn=self.number, cut=cut))

    async def next(self) -> CallerTurn:
        """What they do now; what they say of a number may be wrong first, as the disturbances want.

        Raises:
            StrayedError: the persona has left its role, or nobody plays it any more; the message says how.

        """
        if self.number >= self.scenario.max_turns:
            self.out_of_turns = True
            return CallerTurn(hang_up=True, reason=f"after {counted(self.number, 'turn')}")
        try:
            async with asyncio.timeout(_DECIDES_WITHIN_S):
                turn = await self._persona.next(self.conversation)
        except TimeoutError:
            msg = f"the persona has not decided within {_DECIDES_WITHIN_S:g} s what to say"
            raise StrayedError(msg) from None
        except EngineError as error:
            msg = f"nobody plays the caller: {error}"
            raise StrayedError(msg) from error
        if reason := strayed(self.scenario, self.conversation, turn, self.language):
            raise StrayedError(reason)
        self.last = turn
        if not (turn.text or turn.keys):
            return turn
        self.number += 1
        said = self.plan.said(self.number, turn.text)
        self.conversation.append(Spoken(who="caller", text=said, turn=self.number, keys=turn.keys))
        return replace(turn, text=said)
