"""Runs a tool call: checked, in time, once; with a filler for the caller while it runs."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from copy import deepcopy
from typing import Any, NamedTuple, Protocol

import httpx
import structlog

from orchestra.agents.app import App
from orchestra.agents.builtin import collect_digits, end_call, press_keys, stop_recording, transfer_call
from orchestra.agents.capture import CaptureTool
from orchestra.agents.change_language_tool import ChangeLanguageTool
from orchestra.agents.lines import Lines
from orchestra.agents.reply_chunk import reply_chunk
from orchestra.agents.tool import Tool, ToolContext
from orchestra.agents.transfer_tool import PERSON, TransferTool
from orchestra.bus import Context
from orchestra.bus.vault import KEYS, Vault
from orchestra.call_variables import in_speech
from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import RejectedError, ToolFailed
from orchestra.execution.call_state import changes
from orchestra.execution.call_variables import ask_app, stored_variables, variables_of
from orchestra.execution.keypad import Key, Keypad
from orchestra.execution.loop_watchdog import WatchedCoroutine
from orchestra.execution.secrets import (
    NOTHING_SECRET,
    Revealed,
    frames_of,
    is_in_clear,
    key_of,
    revealed_to,
    understand,
)
from orchestra.language import find_language
from orchestra_schemas import (
    SECRET,
    SECRET_KEY,
    CallEndRequested,
    CallTransferRequested,
    CallVariablesRequested,
    CallVariablesSet,
    ConsentRefused,
    DigitPressed,
    DigitsRequested,
    Event,
    LanguageChanged,
    ReplyChunk,
    ToolCompleted,
    ToolRequested,
)


class ToolOverride(Protocol):
    """Answers instead of tools, for example with recorded results."""

    def __call__(self, event: ToolRequested) -> tuple[bool, str] | None:
        """Whether the call fails, and its result; None if the tool is to run."""
        ...

    def noted(self, request: str) -> dict[str, Any]:
        """The changes to the call's state that belong to that answer."""
        ...

    def variables(self, call: str) -> dict[str, Any]:
        """What the app knows of this call that begins, in place of asking it."""
        ...


_LOG = structlog.get_logger("orchestra.execution")

#: fields of a call's state
CALLER_NUMBER = "caller_number"
_BEGUN = "begun:"

#: seconds for each step of a tool's HTTP request, and connections that all tools share
_HTTP_S = 4.0
_CONNECTIONS = 64
#: a tool that is done within this needs no filler, in seconds
FILLER_AFTER_S = 0.25
#: seconds for a tool to become ready; not part of its own timeout
_READY_S = 5.0
#: longest time that a coroutine may block the event loop, in seconds
_LONGEST_STEP_S = 0.5
#: most characters of a result for a model; more would be slow and expensive
_LONGEST_RESULT = 8000
_CUT = " … (cut)"
#: how long a word takes to be spoken, in seconds
_WORD_S = 0.45
_NOT_KEPT = "Not done: {name} is not kept any more. Call this again, and the caller is asked for it."
_UNKNOWN = (
    "It is not known whether this was done: the system broke down while it ran. Do not call it again; "
    "tell the caller that a person will check."
)


def http_client() -> httpx.AsyncClient:
    """The HTTP client for tools, with limits: no external service may use up a caller's time or all connections."""
    return httpx.AsyncClient(
        timeout=httpx.Timeout(_HTTP_S),
        limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS // 2),
    )


class Tools:
    """Runs an app's tools.

    Args:
        app: the app whose tools run.
        resources_of: what tools get as resources in a call, by its id.
        http: the HTTP client for tools.
        keypad: where the keys of callers arrive.
        vault: has what callers say in secret.
        lines: the apps that a call can be passed on to.
        override: asked before a tool runs; its answer replaces the tool's result.
        on_call_secrets: sign the questions to a server for the variables of a call.

    """

    def __init__(
        self,
        app: App,
        resources_of: Callable[[str], Any],
        http: httpx.AsyncClient,
        *,
        keypad: Keypad,
        vault: Vault,
        lines: Lines,
        override: ToolOverride | None = None,
        on_call_secrets: Sequence[str] = (),
    ) -> None:
        self._lines = lines
        self._override = override
        self._app = app
        self._http = http
        self._resources_of = resources_of
        self._secrets = on_call_secrets
        self._keypad = keypad
        self._vault = vault

    def stoppable(self, name: str) -> bool:
        """Whether a run may be cut off; a tool that is not marked so runs to its end once it has begun."""
        tool = self._app.tools.get(name)
        return tool is None or tool.stop_on_barge_in

    async def run(self, event: ToolRequested, context: Context) -> list[Event]:
        """Run the tool. Returns the events for what it wants of the call, then `ToolCompleted`."""
        started = time.monotonic()
        await context.resume()
        tool = self._app.tools.get(event.name)
        refusal = await _refusal(tool, event, context) or self._unreachable(tool, event)
        if tool is None or refusal:
            ended = _Outcome(failed=True, result=refusal)
        elif (instead := self._overridden(tool, event)) is not None:
            ended = instead
        else:
            ended = await self._run(tool, event, context)
            context.state.delete(_BEGUN + event.id)
        completed = ToolCompleted(
            call=event.call,
            turn=event.turn,
            request=event.id,
            name=event.name,
            result=_bounded(ended.result),
            failed=ended.failed,
            noted=ended.noted,
            predicted=event.predicted,
            duration_ms=(time.monotonic() - started) * 1000,
        )
        return [completed] if ended.failed or tool is None else [*self._asked_of_the_call(tool, event), completed]

    def _overridden(self, tool: Tool, event: ToolRequested) -> "_Outcome | None":
        """The outcome that replaces a run; None if the tool is to run, as where a secret answer stands in clear."""
        if self._override is None or (isinstance(tool, CaptureTool) and tool.secret and is_in_clear(event)):
            return None
        answer = self._override(event)
        return None if answer is None else _Outcome(*answer, self._override.noted(event.id))

    def _unreachable(self, tool: Tool | None, event: ToolRequested) -> str:
        """Why the call cannot be passed on like this, for the agent; empty if it can, or is not to be."""
        if not isinstance(tool, TransferTool):
            return ""
        to = tool.check(event.arguments)["to"]
        if to == PERSON or self._lines.transfer_target(to, self._app) is not None:
            return ""
        return f"{to} cannot be reached now: nothing was done."

    async def _run(self, tool: Tool, event: ToolRequested, context: Context) -> "_Outcome":
        said = tool.filler_in(event.language)
        said = in_speech(said, await variables_of(context)) if "{" in said else said
        filler = _FillerTimer(self._chunk(said, event) if said else None, context)
        if (ready := tool.ready()) is not None:
            prepared = await filler.wait_for(ready, _READY_S)
            if prepared is None:
                return _Outcome(failed=True, result=f"{tool.name} is away right now: nothing was done.")
            if prepared.cancelled() or prepared.exception() is not None:
                return _outcome(tool, event, prepared, event.call_state, NOTHING_SECRET)
        state = deepcopy(event.call_state)
        secrets = await revealed_to(tool, event, self._vault)
        if isinstance(secrets, str):
            return _Outcome(failed=True, result=_NOT_KEPT.format(name=secrets), noted={secrets: None})
        secrets.reveal(state)
        if tool is collect_digits:
            work = self._collect(event, context)
        elif isinstance(tool, CaptureTool) and tool.secret:
            work = understand(tool, event, self._vault, state)
        else:
            handed = await self._context(tool, event, context, state)
            work = _contained(tool, event, tool.run(event.arguments, handed))
        running = await filler.wait_for(work, tool.timeout_s)
        if running is None:
            _LOG.warning("tool.too_long", tool=tool.name, call=event.call, turn=event.turn, seconds=tool.timeout_s)
            slow = f"{tool.name} took longer than {tool.timeout_s:g} s; its outcome is not known."
            return _Outcome(failed=True, result=slow)
        return _outcome(tool, event, running, state, secrets)

    async def ask_variables(self, event: CallVariablesRequested) -> CallVariablesSet:
        """What the app knows of a call that begins."""
        return await ask_app(self._app, event, self._resources_of(event.call), self._http, self._secrets)

    async def _context(self, tool: Tool, event: ToolRequested, context: Context, state: dict[str, Any]) -> ToolContext:
        stored = await context.state.all() if tool.takes_context else {}
        return ToolContext(
            call=event.call,
            turn=event.turn,
            agent=event.agent,
            idempotency_key=event.id,
            caller_number=stored.get(CALLER_NUMBER, b"").decode(),
            language=event.language,
            variables=stored_variables(stored),
            call_state=state,
            resources=self._resources_of(event.call),
            http=self._http,
        )

    async def _collect(self, event: ToolRequested, context: Context) -> str:
        """Ask the caller for keys and wait for them. A later attempt neither asks again nor loses a key."""
        arguments = collect_digits.check(event.arguments)
        question = str(arguments["question"])
        pressed: list[Key] = []
        self._keypad.listen(event.call)
        if context.attempt > 1:
            journal = await context.bus.journal(event.call, in_clear=True)
            before = [after for after in journal if isinstance(after, DigitPressed) and after.at >= event.at]
            pressed = [Key(await key_of(each, self._vault), each.digit == SECRET_KEY) for each in before]
        if context.attempt == 1 or not await context.published():
            await context.publish(self._chunk(question, event))
        collected = await self._keypad.collect(
            event.call,
            pressed=pressed,
            length=arguments["length"],
            terminator=arguments["terminator"],
            first_within_s=arguments["first_within_s"] + len(question.split()) * _WORD_S,
            next_within_s=arguments["next_within_s"],
            all_within_s=collect_digits.timeout_s - 1,
        )
        if not (collected.pressed and collected.secret):
            return collected.text
        await self._vault.put(event.call, {KEYS + event.id: collected.text})
        return SECRET

    def _chunk(self, text: str, event: ToolRequested) -> ReplyChunk:
        """A chunk that the caller hears while the tool runs."""
        spoken = find_language(event.language, reads_out=self._app.reads_out).to_speech(text)
        return reply_chunk(self._app, event, event.agent, spoken, event.language, filler=True)

    def _asked_of_the_call(self, tool: Tool, event: ToolRequested) -> list[Event]:
        arguments = tool.check(event.arguments)
        if tool is end_call:
            return [CallEndRequested(call=event.call, turn=event.turn, reason=arguments["reason"])]
        if isinstance(tool, TransferTool) and arguments["to"] != PERSON:
            return []  # orchestration passes the call on with the end of the turn
        if tool is transfer_call or isinstance(tool, TransferTool):
            target = self._app.transfer_target
            return [
                CallTransferRequested(call=event.call, turn=event.turn, target=target, briefing=arguments["briefing"])
            ]
        if isinstance(tool, ChangeLanguageTool):
            language, previous = arguments["language"], event.language
            return [
                LanguageChanged(call=event.call, turn=event.turn, language=language, previous=previous, reason="chosen")
            ]
        keys = arguments["keys"].strip() if tool is press_keys else ""
        pressed = [DigitsRequested(call=event.call, turn=event.turn, digits=keys)] if keys else []
        return [ConsentRefused(call=event.call, turn=event.turn)] if tool is stop_recording else [*pressed]


class _Outcome(NamedTuple):
    """How a run ended: whether it failed, the result for the agent, and its changes to the call's state."""

    failed: bool
    result: str
    noted: dict[str, Any] = {}  # noqa: RUF012 - nobody changes it


class _FillerTimer:
    """Waits for a tool, and publishes its filler, once, unless the tool is done at once."""

    def __init__(self, chunk: ReplyChunk | None, context: Context) -> None:
        self._chunk = chunk
        self._context = context
        self._due = time.monotonic() + FILLER_AFTER_S

    async def wait_for(self, work: Coroutine[Any, Any, Any], within_s: float) -> "asyncio.Task[Any] | None":
        """The finished task of the work; None if it was not finished in time and was cut off."""
        running = asyncio.get_running_loop().create_task(work)
        until = time.monotonic() + within_s
        try:
            if self._chunk is not None and self._due < until:
                await _wait(running, self._due)
                if not running.done():
                    chunk, self._chunk = self._chunk, None
                    await self._context.publish(chunk)
            await _wait(running, until)
        finally:
            running.cancel()
        return running if running.done() else None


async def _wait(running: "asyncio.Task[Any]", until: float) -> None:
    await asyncio.wait({running}, timeout=max(0.0, until - time.monotonic()))


async def _contained(tool: Tool, event: ToolRequested, work: Coroutine[Any, Any, str]) -> str:
    """Run a tool so that it can neither end the worker nor block it unnoticed."""

    def blocked(seconds: float) -> None:
        _LOG.warning(
            "tool.blocked_the_loop",
            tool=tool.name,
            call=event.call,
            turn=event.turn,
            seconds=round(seconds, 1),
            problem=f"tool {tool.name} blocked every call of this worker for {seconds:.1f} s: make it a plain def, "
            "which runs in a thread, or await what it waits for",
        )

    try:
        return await WatchedCoroutine(work, blocked, longest_s=_LONGEST_STEP_S)
    except SystemExit as error:
        raise _ExitError from error


class _ExitError(Exception):
    """A tool tried to end the process."""


def _outcome(
    tool: Tool, event: ToolRequested, running: "asyncio.Task[Any]", state: dict[str, Any], secrets: Revealed
) -> _Outcome:
    """How a finished run ended. The agent learns only the type of an error: its text may contain secrets."""
    error = asyncio.CancelledError() if running.cancelled() else running.exception()
    if error is None or isinstance(error, ToolFailed):
        secrets.conceal(state)
        noted, problems = changes(event.call_state, state)
        for problem in map(secrets.hide, problems):
            _LOG.error("tool.call_state", tool=tool.name, call=event.call, turn=event.turn, problem=problem)
        result = running.result() if error is None else str(error) or f"{tool.name} failed."
        return _Outcome(failed=error is not None, result=secrets.hide(result), noted=secrets.hide_in(noted))
    if isinstance(error, RejectedError):
        return _Outcome(failed=True, result=secrets.hide(str(error)))
    error = error.__cause__ if isinstance(error, _ExitError) and error.__cause__ is not None else error
    why: dict[str, Any] = {"exc_info": error}
    if isinstance(tool, CaptureTool) and tool.secret:
        why = {"error": frames_of(error)}
    elif secrets:
        why = {"error": secrets.traceback_of(error)}
    _LOG.error("tool.failed", tool=tool.name, call=event.call, turn=event.turn, **why)
    return _Outcome(failed=True, result=f"{tool.name} failed: {type(error).__name__}")


async def _refusal(tool: Tool | None, event: ToolRequested, context: Context) -> str:
    """Why this call is not run, for the agent; empty if it may run."""
    if tool is None:
        return f"There is no tool named {event.name}."
    try:
        tool.check(event.arguments)
    except RejectedError as error:
        return str(error)
    if SYSTEM_CLOCK.time() > event.deadline > 0:
        return "This came too late and was not run."
    if tool.idempotent or await _begin(event, context):
        return ""
    return _UNKNOWN


async def _begin(event: ToolRequested, context: Context) -> bool:
    """Record that the tool begins, before it does; False if an earlier attempt has begun it and not finished."""
    if context.attempt > 1 and await context.state.get(_BEGUN + event.id) is not None:
        return False
    context.state.set(_BEGUN + event.id, b"1")
    await context.publish()
    return True


def _bounded(result: str) -> str:
    return result if len(result) <= _LONGEST_RESULT else result[: _LONGEST_RESULT - len(_CUT)] + _CUT
