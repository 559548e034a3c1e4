"""A run: callers come, harm is done, then everything settles, and the accounts are compared."""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from orchestra.archive.archive import Archive
from orchestra.bus import Bus
from orchestra.errors import OrchestraError
from orchestra_schemas import CallEnded, CallStarted, Event
from tests.faults.spoken.caller import SpokenCall
from tests.faults.spoken.whole_call import verdict_on, write_down
from tests.soak import accounts
from tests.soak.accounts import Findings
from tests.soak.harm import Harm
from tests.soak.journal import JournalRecord
from tests.soak.processes import Processes, cpu_s, growing
from tests.soak.servers import Servers
from tests.soak.system import System, running_system
from tests.soak.text_caller import TextCall

_SETTLED_WITHIN_S = 240.0
_CALLS_END_WITHIN_S = 300.0


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes:
        hours: for how long callers come and harm is done.
        kills: how often something is killed or stopped, in all.
        seed: of callers and kills.
        folder: for data, log and calls.
        voices: callers by voice per minute; one talks for about a minute.
        texts: callers by text per minute.
        voices_at_once: more wait for their turn, as the harm may make calls long.

    """

    hours: float
    kills: int
    seed: int
    folder: Path
    voices: float = 3.0
    texts: float = 20.0
    voices_at_once: int = 5
    turns: int = 5


@dataclass(frozen=True)
class Seen:
    """Whom the accounts are asked of: the system has ended."""

    system: System
    servers: Servers
    journal: JournalRecord
    harm: Harm
    processes: Processes
    spent_s: float


@dataclass
class Soak:
    """A run, and what is found."""

    plan: Plan
    voices: list[SpokenCall] = field(default_factory=list)
    texts: list[TextCall] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)
    busiest: float = 1.0
    report: dict[str, Any] = field(default_factory=dict)

    async def run(self, say: Callable[[str], None]) -> dict[str, Any]:
        """Do it all; returns the report."""
        plan = self.plan
        async with Servers(plan.seed) as servers, running_system(plan.folder, servers) as system:
            say(f"the system runs, see {system.log}")
            bus = await Bus.connect(system.settings)
            journal, processes = JournalRecord(bus), Processes(system)
            watching = [
                asyncio.create_task(task)
                for task in (journal.run(), processes.run(), self._load(), self._tidy(servers))
            ]
            try:
                harm = await self._calls(system, servers, bus, journal, say)
                say("no more calls; everything settles")
                await _settled(bus, journal)
                left = await _left_over(bus)
                spent = cpu_s(system.supervisor.pid)
            finally:
                for task in watching:
                    task.cancel()
                await asyncio.gather(*watching, return_exceptions=True)
                await bus.close()
            code = await system.stop()
            if code:
                self.findings.wrong.append(f"orchestra up ended with {code}")
            self.findings.wrong += left
            say("the accounts are compared")
            seen = Seen(system, servers, journal, harm, processes, spent)
            self.report = await asyncio.to_thread(self._settle, seen)
            return self.report

    async def _calls(
        self, system: System, servers: Servers, bus: Bus, journal: JournalRecord, say: Callable[[str], None]
    ) -> Harm:
        plan, seconds = self.plan, self.plan.hours * 3600
        harm = Harm(system, servers, bus, seed=plan.seed)
        publisher, at_once = bus.publisher("soak"), asyncio.Semaphore(plan.voices_at_once)

        async def by_voice(seed: int) -> None:
            async with at_once:
                call = SpokenCall(seed, plan.turns)
                self.voices.append(call)
                await self._voice(call, system)

        async def by_text(seed: int) -> None:
            call = TextCall(seed, plan.turns)
            self.texts.append(call)
            try:
                await call.make(bus, publisher, journal)
            except TimeoutError:
                self.dropped.append(f"text {call.call}: its end was not published in time")

        async def tell() -> None:
            while True:
                await asyncio.sleep(30)
                say(
                    f"{harm.kills} kills, calls: {len(self.voices)} by voice and {len(self.texts)} by text,"
                    f" {len(journal.entries)} events, {len(self.dropped)} dropped; load {os.getloadavg()[0]:.1f}"
                )

        telling = asyncio.create_task(tell())
        async with asyncio.TaskGroup() as group:
            group.create_task(harm.run(plan.kills, seconds))
            calling: set[asyncio.Task[None]] = set()
            arriving = (
                self._arrivals(by_voice, plan.voices, plan.seed, calling),
                self._arrivals(by_text, plan.texts, plan.seed + 1, calling),
            )
            await asyncio.gather(*arriving)
        async with asyncio.timeout(_CALLS_END_WITHIN_S):
            await asyncio.gather(*calling)
        telling.cancel()
        await publisher.flush(60)
        return harm

    async def _arrivals(
        self,
        call: Callable[[int], Awaitable[None]],
        per_minute: float,
        seed: int,
        calling: set[asyncio.Task[None]],
    ) -> None:
        """Callers come independently of each other, as they do: the times between them are exponential."""
        chance, until = random.Random(seed), time.monotonic() + self.plan.hours * 3600
        while per_minute and (pause := chance.expovariate(per_minute / 60)) < until - time.monotonic():
            await asyncio.sleep(pause)
            calling.add(asyncio.ensure_future(call(chance.randrange(10**9))))

    async def _voice(self, call: SpokenCall, system: System) -> None:
        try:
            await call.make(system.running.url, system.running.auth_token)
        except OrchestraError as error:
            self.dropped.append(f"voice {call.sid}: {error}")
            return
        if call.ending is None or call.ending.how != "caller_hung_up":
            self.dropped.append(f"voice {call.sid}: {call.ending}")

    async def _load(self) -> None:
        while True:
            self.busiest = max(self.busiest, os.getloadavg()[0] / (os.cpu_count() or 1))
            await asyncio.sleep(5)

    @staticmethod
    async def _tidy(servers: Servers) -> None:
        while True:
            await asyncio.sleep(10)
            servers.forget_requests()

    def _settle(self, seen: Seen) -> dict[str, Any]:
        entries, calls, found = seen.journal.entries, seen.journal.calls, self.findings
        by_sid = {
            event.provider_call: events
            for events in calls.values()
            for event in events
            if isinstance(event, CallStarted) and event.provider_call
        }
        write_down(seen.system.folder, self.voices, by_sid)
        again = self._compare(seen, by_sid)
        said = accounts.warnings(seen.system.log)
        wrong, unheard = self._heard(by_sid, seen.harm.edges_stood_still)
        table = seen.processes.table()
        versions = Counter(events[0].version for events in map(_of_agents, calls.values()) if events)
        waits = sorted((wait for text in self.texts for wait in text.waits_s), reverse=True)
        own = seen.processes.own_fds
        return {
            "seed": self.plan.seed,
            "hours": self.plan.hours,
            "calls": {"voice": len(self.voices), "text": len(self.texts), "in the journal": len(calls)},
            "taken up by another edge": sum(len(call.breaks_s) for call in self.voices),
            "asked again": sum(call.asked_again for call in (*self.voices, *self.texts)),
            "kills": dict(sorted(seen.harm.done.items())),
            "kills in all": seen.harm.kills,
            "calls by version": dict(versions),
            "nobody to kill": seen.harm.skipped,
            "events": len(entries),
            "media events": len(seen.journal.media),
            "doubled": found.doubled,
            "lost": found.lost,
            "disorder": found.disorder,
            "wrong": found.wrong + wrong,
            "unheard": unheard,
            "dropped": self.dropped,
            "longest silences s": [round(silence, 1) for silence in self._silences()[:8]],
            "longest waits of text s": [round(wait, 1) for wait in waits[:8]],
            "came again, as it may": again,
            "processes": table,
            "growing": growing(table),
            "memory of the longest lives": seen.processes.lives(),
            "harness open files": [own[0], own[-1]] if own else [],
            "cpu s": round(seen.spent_s),
            "cores": round(seen.spent_s / (self.plan.hours * 3600), 2),
            "busiest load per core": round(self.busiest, 1),
            "logged": dict(said.most_common()),
        }

    def _compare(self, seen: Seen, by_sid: dict[str, list[Event]]) -> dict[str, int]:
        """Compare every account; returns how much came again where it may."""
        entries, calls, found = seen.journal.entries, seen.journal.calls, self.findings
        ids = [*(entry.id for entry in entries), *seen.journal.media]
        found += accounts.journal(entries, calls)
        found += accounts.numbers(ids, entries)
        found.wrong += [
            f"call {events[0].call} was answered by {len(versions)} versions: {versions}"
            for events in map(_of_agents, calls.values())
            if len(versions := {event.version for event in events}) > 1
        ]
        found.disorder += [f"journal: {line}" for line in seen.journal.disorder]
        found += accounts.deeds(seen.system.folder / "deeds", calls)
        found += accounts.archive(Archive.of(seen.system.settings), entries)
        heard = {events[0].call for events in by_sid.values() if _has_audio(events)}
        found += accounts.afterwards(calls, heard, seen.servers)
        hooks, hooks_again = accounts.webhooks(seen.servers, entries)
        rows, rows_again = accounts.openobserve(seen.servers, ids)
        found += hooks
        found += rows
        found += accounts.losses(seen.system.log)
        for text in self.texts:
            found.lost += [f"text {text.call}: {asked!r} was not answered" for asked in text.unanswered]
            found.wrong += [f"text {text.call}: {line}" for line in text.wrong]
        return {"webhooks": hooks_again, "rows of openobserve": rows_again}

    def _silences(self) -> list[float]:
        return sorted((span.end_s - span.start_s for call in self.voices for span in call.silences), reverse=True)

    def _heard(
        self, by_sid: dict[str, list[Event]], stood_still: list[tuple[float, float]]
    ) -> tuple[list[str], list[str]]:
        """What was wrong in what callers heard, and the calls of which there is no journal."""
        wrong, unheard = [], []
        for call in self.voices:
            if (events := by_sid.get(call.sid)) is None:
                if call.ear.heard:
                    unheard.append(f"{call.sid} was answered, and has no journal")
                continue
            wrong += verdict_on(call, events, self.busiest, stood_still)
        return wrong, unheard

    @property
    def is_good(self) -> bool:
        """Whether nothing is doubled, lost or wrong, no caller was dropped, and nothing grows."""
        names = ("doubled", "lost", "disorder", "wrong", "unheard", "dropped", "growing")
        return not any(self.report[name] for name in names)


def _of_agents(events: list[Event]) -> list[Event]:
    return [event for event in events if event.source == "orchestration"]


def _has_audio(events: list[Event]) -> bool:
    return any(isinstance(event, CallEnded) and event.audio_ms for event in events)


async def _settled(bus: Bus, journal: JournalRecord) -> None:
    """Wait until every group has handled everything, and all of it was heard."""
    async with asyncio.timeout(_SETTLED_WITHIN_S):
        quiet = 0
        while quiet < 5:
            await asyncio.sleep(1)
            try:
                groups, complete = await bus.groups(), await journal.complete()
            except RedisError:  # the last kill may have been the server's
                quiet = 0
                continue
            busy = any(each.lag or each.pending or each.lag is None for each in groups)
            quiet = 0 if busy or not complete else quiet + 1


async def _left_over(bus: Bus) -> list[str]:
    """Dead letters, and what nobody will ever need."""
    found = [
        f"dead letters: {each.dead} of {each.group} in partition {each.partition}"
        for each in await bus.groups()
        if each.dead
    ]
    left = [key async for key in bus.redis.scan_iter("orchestra:*:published:*", count=1000)]
    return found + [f"left over: {key}" for key in left]
