"""The first words of a call: said at once, or once its app has said what it knows of the call."""

import asyncio
import contextlib

import structlog

from orchestra.clock import Clock
from orchestra.history.resume import ResumeState
from orchestra.voice.call.script import Script
from orchestra.voice.carriers.port import Parties
from orchestra_schemas import CallGreeted, CallVariablesRequested

_LOG = structlog.get_logger("orchestra.voice")


class FirstWords:
    """Waits for the variables of a call that begins, no longer than its script says.

    ::

        journal   CallStarted  CallVariablesRequested        CallVariablesSet  CallGreeted
        edge      connects its engines ..................... waits             greets

    Nothing of the caller's audio is read before: it is heard after the first words. Another edge that takes the call
    up waits for the same answer, and asks nobody again.

    Args:
        call: its id.
        state: of a call that another edge began; None for a new one.
        clock: the time.

    """

    def __init__(self, call: str, state: ResumeState | None, clock: Clock) -> None:
        self._call = call
        self._clock = clock
        self._due = 0.0 if state is None else state.greet_by  # epoch seconds; 0: they wait for nothing
        self._known = asyncio.Event()
        if state is not None and not state.asked_variables:
            self._known.set()

    @property
    def due(self) -> bool:
        """Whether the app was asked, and the caller was not greeted yet."""
        return self._due > 0

    def ask(self, script: Script, parties: Parties) -> CallVariablesRequested:
        """What has the app asked."""
        self._due = self._clock.time() + script.ask_s
        return CallVariablesRequested(
            call=self._call,
            app=script.app,
            from_number=parties.from_number,
            to_number=parties.to_number,
            direction=parties.direction,
            line=script.line,
            language=script.language,
            variables=dict(parties.variables),
            deadline=self._due,
        )

    def answered(self) -> None:
        """The app has said what it knows."""
        self._known.set()

    async def wait(self) -> None:
        """Wait until the app has answered, or time is up."""
        left_s = self._due - self._clock.time()
        if left_s > 0 and not self._known.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._known.wait()

    def say(self, script: Script) -> CallGreeted:
        """What tells everybody else the first words."""
        if not self._known.is_set():
            _LOG.warning("call.variables_late", call=self._call, app=script.app, waited_s=script.ask_s)
        self._due = 0.0
        return CallGreeted(call=self._call, greeting=script.first_words, language=script.language)
