"""Runs a campaign: places what is due at its pace, and waits for what comes of it."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog
from msgspec.structs import replace
from redis.exceptions import RedisError

from orchestra.async_tasks import cancel_and_wait
from orchestra.bus import Bus
from orchestra.campaign.contacts import Contact
from orchestra.campaign.options import RETRIED, CampaignOptions, Outcome
from orchestra.campaign.store import Attempt, CampaignStore
from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import DialRefusedError, LeaseLostError
from orchestra.history.call_outcome import outcome_of
from orchestra.storage.call_records import find_call
from orchestra.voice.edge.dialler import CallRequest, Dialler, Reason

_LOG = structlog.get_logger("orchestra.campaign")

_LOOK_EVERY_S: Final = 0.5
#: outside the person's hours: when it is tried again
_HOURS_AGAIN_S: Final = 600.0
#: a call that the carrier may have, of which nothing was heard for so long beyond its ringing, is not waited for
_SILENT_S: Final = 30.0
#: reasons for which a contact can never be called
_NEVER: Final = (Reason.NUMBER_INVALID, Reason.NUMBER_NOT_ALLOWED, Reason.LINE_UNKNOWN, Reason.ZONE_NEEDED)


class CampaignRunner:
    """Runs one campaign, as the only process that does.

    Args:
        store: the campaign.
        dialler: places its calls.
        bus: has the records of the calls.
        ring_s: how long a call may ring.
        clock: the time, epoch seconds.

    """

    def __init__(
        self,
        store: CampaignStore,
        dialler: Dialler,
        bus: Bus,
        *,
        ring_s: float,
        clock: Callable[[], float] = SYSTEM_CLOCK.time,
    ) -> None:
        self._store = store
        self._dialler = dialler
        self._bus = bus
        self._ring_s = ring_s
        self._clock = clock
        self._next_at = 0.0

    async def run(self) -> None:
        """Call everybody who is left; ends when all are done, or the campaign is stopped and its last call is over.

        While the server is away nothing is placed.

        Raises:
            LeaseLostError: another process runs it.

        """
        await self._wait_for_lease()
        renewing = asyncio.create_task(self._renew_lease(), name="campaign lease")
        try:
            while await self.round():  # noqa: ASYNC110 - other processes change what it looks at
                await asyncio.sleep(_LOOK_EVERY_S)
        finally:
            await cancel_and_wait(renewing)
            await self._store.release()

    async def _wait_for_lease(self) -> None:
        """Wait for as long as the lease of a process that was killed lasts."""
        lease_s = self._store.lease_ms / 1000
        deadline = time.monotonic() + 2 * lease_s
        while True:
            try:
                await self._store.acquire()
            except LeaseLostError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(lease_s / 8)
            else:
                return

    async def _renew_lease(self) -> None:
        """Keep the lease while a round waits for the carrier; a round that has lost it notices that itself."""
        while True:
            await asyncio.sleep(self._store.lease_ms / 4000)
            with suppress(RedisError, LeaseLostError):
                await self._store.acquire()

    async def round(self) -> bool:
        """Look at everything once. False: there is nothing left to do.

        Raises:
            LeaseLostError: another process runs the campaign.

        """
        try:
            await self._store.acquire()
            options = await self._store.options()
            for row in await self._store.running():
                await self._look_after(row, options)
            if await self._store.state() == "running":
                await self._place_due(options, most=options.at_a_time - len(await self._store.running()))
            if await self._store.running():
                return True
            return await self._store.state() != "stopped" and await self._store.has_waiting()
        except RedisError as error:
            _LOG.warning("campaign.server_away", campaign=self._store.name, error=repr(error))
            return True

    # -- placing

    async def _place_due(self, options: CampaignOptions, *, most: int) -> None:
        for row in await self._store.due(max(most, 0)):
            now = self._clock()
            if now < self._next_at:
                return
            contact, before = await self._store.contact(row), await self._store.attempt(row)
            attempt = Attempt(number=before.number + 1, began_at=now, tries=before.tries)
            if await self._store.begin(row, attempt) != "begun":
                return
            if await self._store.is_refused(contact.number):
                await self._store.note(row, replace(attempt, number=before.number, outcome="do_not_call"))
                continue
            self._next_at = max(self._next_at, now - _LOOK_EVERY_S) + 60.0 / options.per_minute
            await self._ask(row, contact, attempt, options)

    async def _ask(self, row: str, contact: Contact, attempt: Attempt, options: CampaignOptions) -> None:
        """Have the carrier place the call of an attempt; the same call if it was asked for before."""
        request = CallRequest(
            to=contact.number,
            line=options.line,
            variables=contact.variables,
            zone=contact.zone,
            idempotency_key=self._key(row, attempt),
        )
        try:
            placed = await self._dialler.place(request)
        except DialRefusedError as refused:
            await self._not_placed(row, attempt, refused, options)
        else:
            await self._store.note(row, replace(attempt, call=placed.call), runs=True)

    async def _not_placed(
        self, row: str, attempt: Attempt, refused: DialRefusedError, options: CampaignOptions
    ) -> None:
        reason = Reason(refused.reason)
        if reason is Reason.OUTSIDE_HOURS:
            # the attempt was none: its number is used for the next one
            waiting = replace(attempt, number=attempt.number - 1, detail=str(refused)[:200])
            await self._store.note(row, waiting, due_at=self._clock() + _HOURS_AGAIN_S)
        elif reason in (Reason.CARRIER_UNCERTAIN, Reason.IN_PROGRESS):
            # its call may come yet: the journal tells
            await self._store.note(row, replace(attempt, call=refused.call, detail="uncertain"), runs=True)
        else:
            outcome: Outcome = "refused" if reason in _NEVER else "failed"
            await self._end(row, attempt, outcome, str(refused)[:200], options)

    # -- what comes of it

    async def _look_after(self, row: str, options: CampaignOptions) -> None:
        attempt = await self._store.attempt(row)
        if not attempt.call:
            await self._take_up(row, attempt, options)
            return
        record = await find_call(self._bus, attempt.call)
        if record is not None and record.status == "ended":
            await self._end(row, attempt, outcome_of(record), record.end_reason, options)
        elif record is None and self._clock() - attempt.began_at > self._ring_s + _SILENT_S:
            detail = "nothing was heard of the call"
            await self._end(row, attempt, "unknown", detail, options)

    async def _take_up(self, row: str, attempt: Attempt, options: CampaignOptions) -> None:
        """The process that began the attempt died before the carrier's answer was written down."""
        if await self._store.state() != "running" and not await self._dialler.was_asked(self._key(row, attempt)):
            await self._store.note(row, replace(attempt, number=attempt.number - 1), due_at=self._clock())
        else:
            await self._ask(row, await self._store.contact(row), attempt, options)

    def _key(self, row: str, attempt: Attempt) -> str:
        return f"campaign {self._store.name} {row} {attempt.number}"

    async def _end(self, row: str, attempt: Attempt, outcome: Outcome, detail: str, options: CampaignOptions) -> None:
        tries = {**attempt.tries, outcome: attempt.tries.get(outcome, 0) + 1}
        retry = options.retries.get(outcome) if outcome in RETRIED else None
        again = retry is not None and tries[outcome] <= retry.times
        ended = replace(attempt, outcome="" if again else outcome, detail=detail, tries=tries)
        await self._store.note(
            row, ended, due_at=self._clock() + retry.after_s if retry is not None and again else None
        )
        _LOG.info(
            "campaign.called", campaign=self._store.name, row=row, outcome=outcome, again=again, call=attempt.call
        )
