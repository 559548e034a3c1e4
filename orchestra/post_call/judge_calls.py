"""Judges calls that are over: those that lack a verdict, from wherever they are recorded, a few at a time.

which ─▶ what is known ─▶ what lacks ─▶ read  ─▶ claimed ─▶ judged ─▶ published
calls    (few events)     a verdict     whole       └─ another process has it: looked at again at the end
"""

import asyncio
import os
import random
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final

import msgspec

from orchestra.agents.after import Judge
from orchestra.agents.lines import Lines
from orchestra.bus import Entry
from orchestra.execution.models import ModelRegistry
from orchestra.history.call import CallHistory
from orchestra.history.reduce import history_of
from orchestra.history.usage import Tokens, with_tokens
from orchestra.post_call.analysis import app_named, applying
from orchestra.post_call.asking import Asking, estimated_tokens, lines_of
from orchestra.post_call.claims import Claims
from orchestra.post_call.judging import is_decided, judge_with, judging_task
from orchestra.replay.selection import decoded
from orchestra.replay.sources.port import Filter, OnWarning, Source
from orchestra_schemas import AppChanged, CallAnalysed, CallEnded, CallStarted, Verdict, tag_of

#: what is read of every call before it is known which lack a verdict
_KNOWN_BY: Final = frozenset(tag_of(kind) for kind in (CallStarted, AppChanged, CallEnded, CallAnalysed))
#: calls that are read together
_BATCH: Final = 50
#: a model that has failed on so many calls in a row, and on no call otherwise, is down
_FAILURES: Final = 10
_AGAIN_S: Final = 0.2

#: a judge, by its name and version
Key = tuple[str, str]


def key_of(judge: Judge) -> Key:
    """The judge as verdicts name it."""
    return judge.name, judge.version


class Judges:
    """Who judges: the same judges every call, with one model.

    Args:
        judges: of whom no two have the same name.
        model: that is asked by those in words; empty: the default one.

    """

    def __init__(self, judges: Sequence[Judge], model: str = "") -> None:
        self._judges = tuple(judges)
        self._model = model

    def possible(self, app: str) -> tuple[Judge, ...]:
        """All that may judge a call of this app."""
        del app
        return self._judges

    async def of(self, history: CallHistory, problems: list[str]) -> dict[str, list[Judge]]:
        """Those that judge the call, by the model that they ask; ``problems`` gets what failed."""
        del history, problems
        return {self._model: list(self._judges)}

    @property
    def every(self) -> tuple[Judge, ...]:
        """All of them, of whichever app."""
        return self._judges


class AppJudges(Judges):
    """Who judges: the judges of each call's app, where their `After` holds.

    Args:
        lines: the apps.
        model: in place of those that the apps name.

    """

    def __init__(self, lines: Lines, model: str = "") -> None:
        judges = [judge for app in lines.apps for after in app.wanted_after for judge in after.judges]
        super().__init__(judges, model)
        self._lines = lines

    def possible(self, app: str) -> tuple[Judge, ...]:
        """All judges of the app; none if it is not there any more."""
        found = app_named(self._lines, app)
        return () if found is None else tuple(judge for after in found.wanted_after for judge in after.judges)

    async def of(self, history: CallHistory, problems: list[str]) -> dict[str, list[Judge]]:
        """Those of the app that had the call last; of two with the same name, the later one."""
        app = app_named(self._lines, history.record.passed_to or history.record.app)
        asked = await applying(history, () if app is None else app.wanted_after, problems)
        named = {judge.name: (self._model or after.model, judge) for after in asked for judge in after.judges}
        by_model: dict[str, list[Judge]] = {}
        for model, judge in named.values():
            by_model.setdefault(model, []).append(judge)
        return by_model


class JudgedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call that was judged: the ``verdicts``, and those that ``failed``, which are tried again the next time."""

    call: str
    verdicts: tuple[Verdict, ...] = ()
    failed: tuple[Verdict, ...] = ()


class JudgeFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What a judge says of the chosen calls, now or before; ``share`` of those that it can tell pass."""

    judge: str
    version: str
    passed: int = 0
    not_passed: int = 0
    cannot_tell: int = 0
    failed: int = 0
    share: float | None = None


class Judging(msgspec.Struct, frozen=True, kw_only=True):
    """What has come of it.

    Attributes:
        chosen: calls that were chosen.
        running: of them, those that are not over.
        had: those that lacked no verdict, or got it from another process meanwhile.
        calls: those that were judged now.
        left: those that lack a verdict still, as it was stopped.
        judges: figures of each judge and version.
        tokens: that were used, by model.
        stopped: why not all calls were judged; empty: they were.
        problems: conditions of an app that failed, each once.

    """

    chosen: int = 0
    running: int = 0
    had: int = 0
    calls: tuple[JudgedCall, ...] = ()
    left: int = 0
    judges: tuple[JudgeFigures, ...] = ()
    tokens: dict[str, Tokens] = {}
    stopped: str = ""
    problems: tuple[str, ...] = ()

    @property
    def failed(self) -> int:
        """How many verdicts failed."""
        return sum(len(each.failed) for each in self.calls)


@dataclass(slots=True)
class KnownCall:
    """What its few events say of a call.

    Attributes:
        app: that had it last.
        ended: it is over.
        decided: of judges that have decided, whether it passes; None: they cannot tell.

    """

    app: str = ""
    ended: bool = False
    decided: dict[Key, bool | None] = field(default_factory=dict)

    def lacks(self, judges: Iterable[Judge]) -> list[Judge]:
        """Those who have not decided."""
        return [judge for judge in judges if key_of(judge) not in self.decided]

    def learn(self, verdicts: Iterable[Verdict]) -> None:
        """Of each judge the last verdict counts."""
        for each in verdicts:
            self.decided.pop((each.judge, each.version), None)
            if is_decided(each):
                self.decided[each.judge, each.version] = each.passed


async def known_calls(source: Source, wanted: Filter, named: bool, on_warning: OnWarning) -> dict[str, KnownCall]:
    """The calls that began within a selection, in this order.

    Args:
        source: where they are recorded.
        wanted: the selection.
        named: it names calls: they count, even if their beginning is lost.
        on_warning: gets what cannot be read.

    """
    begun = replace(wanted, types=frozenset({tag_of(CallStarted)}))
    async with aclosing(source.entries(begun)) as entries:
        found = {entry.call: KnownCall() async for entry in entries}
    if named:
        found |= {call: KnownCall() for call in sorted(wanted.calls or ()) if call not in found}
    if not found:
        return {}
    seen: set[str] = set()
    async with aclosing(source.entries(Filter(calls=frozenset(found), types=_KNOWN_BY))) as entries:
        async for entry in entries:
            seen.add(entry.call)
            for event in decoded([entry], on_warning):
                _learn(found[entry.call], event)
    return {call: known for call, known in found.items() if call in seen}


def _learn(known: KnownCall, event: object) -> None:
    match event:
        case CallStarted(app=app) | AppChanged(app=app):
            known.app = app
        case CallEnded():
            known.ended = True
        case CallAnalysed(verdicts=verdicts):
            known.learn(verdicts)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallJudge:
    """Judges recorded calls.

    Attributes:
        source: where they are recorded.
        judges: who judges.
        models: that are asked; None: there is no judge in words.
        claims: of this process, on the server that gets the verdicts; None: they are not published.
        asks: False: nobody is asked, and nothing published; the tokens of the prompts are estimated.
        default_model: the name that tokens of the default model count for then.
        at_a_time: how many calls are judged at the same time.
        again: also judge what has a verdict.
        context_tokens: as in `Asking`.
        on_warning: gets what cannot be read.

    """

    source: Source
    judges: Judges
    models: ModelRegistry | None
    claims: Claims | None
    asks: bool = True
    default_model: str = ""
    at_a_time: int = 4
    again: bool = False
    context_tokens: int = 100_000
    on_warning: OnWarning

    def lacking(self, calls: dict[str, KnownCall]) -> list[str]:
        """Those of the calls that are over and may lack a verdict, in their order."""
        return [call for call, known in calls.items() if known.ended and self._lacks(known)]

    def _lacks(self, known: KnownCall) -> bool:
        possible = self.judges.possible(known.app)
        return bool(possible if self.again else known.lacks(possible))

    async def run(
        self, calls: dict[str, KnownCall], stop: asyncio.Event, done: Callable[[], None] = lambda: None
    ) -> Judging:
        """Judge those of the calls that lack a verdict, until all have it or ``stop`` is set.

        ``done`` is called for each call that is finished with.
        """
        return await _Run(self, calls, stop, done).judge()


class _Run:
    """One run: what is waiting, what is done."""

    def __init__(
        self, of: CallJudge, calls: dict[str, KnownCall], stop: asyncio.Event, done: Callable[[], None]
    ) -> None:
        self._of = of
        self._advance = done
        self._calls = calls
        self._stop = stop
        self._lacking = of.lacking(calls)
        self._elsewhere: deque[tuple[str, CallHistory]] = deque()
        self._judged: dict[str, JudgedCall] = {}
        self._done = 0
        self._tokens: dict[str, Tokens] = {}
        self._failures = 0
        self._why = ""
        self._problems: dict[str, None] = {}
        self._nonce = os.urandom(4).hex() if of.again else ""

    async def judge(self) -> Judging:
        waiting: asyncio.Queue[tuple[str, CallHistory] | None] = asyncio.Queue(self._of.at_a_time)
        stopping = asyncio.create_task(self._stop.wait(), name="judge: stop")
        judging = [asyncio.create_task(self._take(waiting, stopping)) for _ in range(self._of.at_a_time)]
        reading = asyncio.create_task(self._read(waiting), name="judge: read")
        try:
            await self._all_of([reading, *judging])
        finally:
            for task in (stopping, reading, *judging):
                task.cancel()
            await asyncio.gather(stopping, reading, *judging, return_exceptions=True)
        return self._result()

    async def _all_of(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Wait for all of them, or the first that fails."""
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    async def _read(self, waiting: asyncio.Queue[tuple[str, CallHistory] | None]) -> None:
        for start in range(0, len(self._lacking), _BATCH):
            if self._stop.is_set():
                break
            batch = self._lacking[start : start + _BATCH]
            journals: dict[str, list[Entry]] = {call: [] for call in batch}
            async with aclosing(self._of.source.entries(Filter(calls=frozenset(batch)))) as entries:
                async for entry in entries:
                    journals[entry.call].append(entry)
            # in any order: calls that a model refuses, and that are first every time, must not end every run
            for call in random.sample(batch, len(batch)):
                if self._stop.is_set():
                    break
                await waiting.put((call, history_of(decoded(journals.pop(call), self._of.on_warning))))
        for _ in range(self._of.at_a_time):
            await waiting.put(None)

    async def _take(
        self, waiting: "asyncio.Queue[tuple[str, CallHistory] | None]", stopping: "asyncio.Task[bool]"
    ) -> None:
        """Judge one call after the other; at the end, those that another process had."""
        while (next_one := await waiting.get()) is not None:
            if not self._stop.is_set() and not await self._judge(*next_one, stopping):
                self._elsewhere.append(next_one)
        while self._elsewhere and not self._stop.is_set():
            next_one = self._elsewhere.popleft()
            if not await self._judge(*next_one, stopping):
                self._elsewhere.append(next_one)
                await asyncio.wait([stopping], timeout=_AGAIN_S)

    async def _judge(self, call: str, history: CallHistory, stopping: "asyncio.Task[bool]") -> bool:
        """Judge a call; False: another process does it at the moment."""
        claims, known = self._of.claims, self._calls[call]
        if claims is None:
            await self._ask(call, history, stopping)
            return True
        if not await claims.take(call):
            return False
        try:
            known.learn(await claims.new_verdicts(call))
            await self._ask(call, history, stopping)
        finally:
            await claims.release(call)
        return True

    async def _ask(self, call: str, history: CallHistory, stopping: "asyncio.Task[bool]") -> None:
        problems: list[str] = []
        by_model = await self._of.judges.of(history, problems)
        self._problems |= dict.fromkeys(problems)
        if not self._of.again:
            by_model = {model: self._calls[call].lacks(judges) for model, judges in by_model.items()}
        by_model = {model: judges for model, judges in by_model.items() if judges}
        if by_model and not self._of.asks:
            self._estimate(history, by_model)
        elif by_model:
            asked = asyncio.ensure_future(self._verdicts(history, by_model))
            await asyncio.wait([asked, stopping], return_when=asyncio.FIRST_COMPLETED)
            if not asked.done():
                asked.cancel()
                with suppress(asyncio.CancelledError):
                    await asked
                return
            await self._keep(history, *asked.result())
        self._done += 1
        self._advance()

    def _estimate(self, history: CallHistory, by_model: dict[str, list[Judge]]) -> None:
        """Count what the prompts would have."""
        for model, judges in by_model.items():
            if in_words := [judge for judge in judges if isinstance(judge.criterion, str)]:
                tokens = Tokens(prompt=estimated_tokens(judging_task(in_words), lines_of(history)))
                self._tokens = with_tokens(self._tokens, model or self._of.default_model, tokens)
        self._judged[history.call] = JudgedCall(call=history.call)

    async def _verdicts(
        self, history: CallHistory, by_model: dict[str, list[Judge]]
    ) -> tuple[list[Verdict], Asking | None]:
        models = self._of.models
        asking = None if models is None else Asking(models, history.call, context_tokens=self._of.context_tokens)
        verdicts: list[Verdict] = []
        for model, judges in by_model.items():
            found = await judge_with(asking, history, judges, model=model)
            in_words = [each for each, judge in zip(found, judges, strict=True) if isinstance(judge.criterion, str)]
            self._count(in_words)
            verdicts += found
        return verdicts, asking

    def _count(self, in_words: Sequence[Verdict]) -> None:
        """Stop after too many calls in a row on which the model has failed."""
        failed = [each.error for each in in_words if each.error]
        if len(failed) < len(in_words):
            self._failures = 0
        elif failed:
            self._failures += 1
            if self._failures >= _FAILURES and not self._stop.is_set():
                self._why = f"the model fails on one call after the other: {failed[0]}"
                self._stop.set()

    async def _keep(self, history: CallHistory, verdicts: Sequence[Verdict], asking: Asking | None) -> None:
        """Publish what was decided; what failed is left for the next time."""
        decided = tuple(each for each in verdicts if is_decided(each))
        used = asking.used if asking is not None else {}
        for model, tokens in used.items():
            self._tokens = with_tokens(self._tokens, model, tokens)
        call, claims = history.call, self._of.claims
        if decided and claims is not None:
            tokens_of = {name: (each.prompt, each.completion) for name, each in used.items()}
            event = CallAnalysed(
                call=call,
                app=history.record.passed_to or history.record.app,
                verdicts=decided,
                model=asking.model if asking is not None else "",
                prompt_tokens=sum(each.prompt for each in used.values()),
                completion_tokens=sum(each.completion for each in used.values()),
                tokens_of=tokens_of if len(used) > 1 else {},
            )
            if not await claims.publish(event, _request(decided, self._nonce)):
                self._calls[call].learn(await claims.new_verdicts(call))  # another process was quicker: its own count
                return
        self._calls[call].learn(decided)
        failed = tuple(each for each in verdicts if not is_decided(each))
        self._judged[call] = JudgedCall(call=call, verdicts=decided, failed=failed)

    # -- what has come of it

    def _result(self) -> Judging:
        left = len(self._lacking) - self._done
        ended = sum(known.ended for known in self._calls.values())
        return Judging(
            chosen=len(self._calls),
            running=len(self._calls) - ended,
            had=ended - left - len(self._judged),
            calls=tuple(self._judged[call] for call in self._lacking if call in self._judged),
            left=left,
            judges=self._figures(),
            tokens=self._tokens,
            stopped=self._why or ("it was stopped" if left else ""),
            problems=tuple(self._problems),
        )

    def _figures(self) -> tuple[JudgeFigures, ...]:
        found: dict[Key, Counter[str]] = {}
        for call, known in self._calls.items():
            judged = self._judged.get(call)
            failed = {(each.judge, each.version) for each in judged.failed} if judged is not None else set[Key]()
            for key in dict.fromkeys(map(key_of, self._of.judges.possible(known.app))):
                counted = found.setdefault(key, Counter())
                if key in failed:
                    counted["failed"] += 1
                elif key in known.decided:
                    passed = known.decided[key]
                    counted["cannot_tell" if passed is None else "passed" if passed else "not_passed"] += 1
        return tuple(
            JudgeFigures(judge=name, version=version, **counted, share=_share(counted))
            for (name, version), counted in found.items()
        )


def _share(counted: Counter[str]) -> float | None:
    told = counted["passed"] + counted["not_passed"]
    return counted["passed"] / told if told else None


def _request(verdicts: Iterable[Verdict], nonce: str) -> str:
    """What says that an event is stored already: it has verdicts of the same judges and versions."""
    names = sorted((each.judge, each.version) for each in verdicts)
    return sha256(msgspec.json.encode([names, nonce])).hexdigest()[:16]
