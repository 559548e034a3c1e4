"""Delivers what waits for an endpoint: the messages of a call in order, those of different calls side by side."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum, auto
from functools import partial

import structlog
from redis.exceptions import RedisError

from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import NoAnswerError, PrivateAddressError
from orchestra.webhooks.endpoint_health import GIVEN_UP_S, EndpointHealth, next_attempt_s
from orchestra.webhooks.endpoint_status import EndpointStatus
from orchestra.webhooks.endpoints import Endpoint
from orchestra.webhooks.http_post import Answer, HttpPost
from orchestra.webhooks.message import Message
from orchestra.webhooks.queue import EndpointQueue, Failing, Waiting, until_answered
from orchestra.webhooks.signing import signed_headers

_LOG = structlog.get_logger("orchestra.webhooks")

#: requests to one endpoint at a time, and calls of one partition whose messages are held in memory
_REQUESTS = 32
_LANES = 16
#: how often Redis is asked for what nobody told us of, and for messages that are too old, seconds
_LOOK_S, _SWEEP_S = 2.0, 600.0
_SAY_EVERY_S = 60.0
_GONE, _TOO_MANY, _TIMED_OUT, _SERVER_ERROR = 410, 429, 408, 500


class Verdict(Enum):
    """What became of an attempt."""

    DELIVERED = auto()
    #: no answer, or one that says that the server is at fault
    AWAY = auto()
    #: it answers that it has had too much
    THROTTLED = auto()
    #: it answers, and does not take this message
    REFUSED = auto()
    #: it wants no more messages
    GONE = auto()


def verdict_of(status: int) -> Verdict:
    """What an HTTP status says of a message, as the specification lists them: whatever is not 2xx is a failure."""
    if 200 <= status < 300:  # noqa: PLR2004
        return Verdict.DELIVERED
    if status == _GONE:
        return Verdict.GONE
    if status == _TOO_MANY:
        return Verdict.THROTTLED
    return Verdict.AWAY if status >= _SERVER_ERROR or status == _TIMED_OUT else Verdict.REFUSED


class EndpointDelivery:
    """Delivers to one endpoint, from every partition that this worker owns."""

    def __init__(self, endpoint: Endpoint, post: HttpPost, status: EndpointStatus, alarm_s: float) -> None:
        self.endpoint = endpoint
        self.status = status
        self.health = EndpointHealth()
        self._post = post
        self._alarm_s = alarm_s
        self._slots = asyncio.Semaphore(_REQUESTS)
        self._probing = asyncio.Lock()
        self._said = float("-inf")
        self._troubled_since = 0.0

    async def run(self, queue: EndpointQueue) -> None:
        """Deliver what waits on a partition, until cancelled."""
        lanes: dict[str, asyncio.Task[None]] = {}
        swept = time.monotonic()
        try:
            while True:
                queue.changed.clear()
                wait_s = _LOOK_S
                try:
                    if not self.status.stopped and self.health.wait_s == 0:
                        wait_s = await self._start_lanes(queue, lanes)
                    elif not self.status.stopped:
                        wait_s = min(wait_s, self.health.wait_s)
                    if time.monotonic() - swept > _SWEEP_S:
                        swept = time.monotonic()
                        await self.sweep(queue, SYSTEM_CLOCK.time())
                except RedisError as error:
                    _LOG.warning("webhooks.redis", partition=queue.partition, error=repr(error))
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await queue.changed.wait()
        finally:
            for task in lanes.values():
                task.cancel()
            await asyncio.gather(*lanes.values(), return_exceptions=True)

    async def _start_lanes(self, queue: EndpointQueue, lanes: dict[str, asyncio.Task[None]]) -> float:
        """Begin with the lanes that are due; returns when to look again at the latest, in seconds."""
        now = SYSTEM_CLOCK.time()
        calls, next_at = await queue.due(now, _LANES + len(lanes))
        for call in calls:
            if call in lanes or len(lanes) >= _LANES:
                continue
            task = lanes[call] = asyncio.create_task(self._deliver(queue, call), name=f"webhooks: {call}")

            def ended(done: asyncio.Task[None], call: str = call) -> None:
                lanes.pop(call, None)
                queue.changed.set()
                if not done.cancelled() and (error := done.exception()) is not None:
                    _LOG.error("webhooks.failed", call=call, error=repr(error), exc_info=error)

            task.add_done_callback(ended)
        return min(_LOOK_S, max(0.0, next_at - now))

    async def _deliver(self, queue: EndpointQueue, call: str) -> None:
        """Deliver the messages of a call one after another, up to the first that is not received."""
        waiting = await until_answered(partial(queue.head, call))
        while waiting is not None:
            async with self._slot():
                if self.status.stopped:
                    return
                verdict, answer = await self._attempt(waiting.message)
                self._observe(call, verdict, answer)
            if verdict is not Verdict.DELIVERED:
                waiting = await self._not_delivered(queue, call, waiting, verdict, answer)
            else:
                waiting = await until_answered(partial(queue.take, call, waiting, SYSTEM_CLOCK.time()))

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        """One of the requests at a time; only one of all while the endpoint is away."""
        async with self._slots:
            if not self.health.away:
                yield
                return
            async with self._probing:
                # an answer to an earlier request may end the wait sooner
                while (wait_s := self.health.wait_s) > 0:  # noqa: ASYNC110 - the end of the wait is a time, not an event
                    await asyncio.sleep(min(wait_s, 1.0))
                yield

    async def _attempt(self, message: Message) -> tuple[Verdict, Answer]:
        at = SYSTEM_CLOCK.time()
        headers = {**self.endpoint.headers, **signed_headers(self.endpoint.secrets, message.id, message.body, at)}
        try:
            answer = await self._post.post(message.body, headers)
        except (NoAnswerError, PrivateAddressError) as error:
            return Verdict.AWAY, Answer(0, str(error))
        return verdict_of(answer.status), answer

    def _observe(self, call: str, verdict: Verdict, answer: Answer) -> None:
        self.status.count(verdict is Verdict.DELIVERED, shown(answer), SYSTEM_CLOCK.time())
        if verdict is Verdict.DELIVERED:
            self.health.delivered()
            if self._troubled_since and self._said >= self._troubled_since:  # of what was not said, nothing is
                _LOG.info("webhooks.recovered", endpoint=self.endpoint.name)
            self._troubled_since = 0.0
            return
        if verdict in {Verdict.AWAY, Verdict.THROTTLED}:
            throttled = verdict is Verdict.THROTTLED
            self.health.failed(call, throttled=throttled, retry_after_s=answer.retry_after_s)
        if verdict is Verdict.GONE:
            self.stop("it answers 410: it wants no more messages")
        self._say(call, answer)

    def stop(self, why: str) -> None:
        """Send nothing more to this endpoint, until a test of it succeeds."""
        self.status.stop(why)
        _LOG.error(
            "webhooks.stopped", endpoint=self.endpoint.name, url=self.endpoint.place, reason=why,
            cure=f"when it is right again: orchestra webhooks test {self.endpoint.name}",
        )  # fmt: skip

    def _say(self, call: str, answer: Answer) -> None:
        """Log a failure, but not at every attempt."""
        now = time.monotonic()
        self._troubled_since = self._troubled_since or now
        if now - self._said < _SAY_EVERY_S:
            return
        self._said, failing_s = now, now - self._troubled_since
        log = _LOG.error if failing_s > self._alarm_s else _LOG.warning
        log(
            "webhooks.waiting", endpoint=self.endpoint.name, call=call, answer=shown(answer),
            since_s=round(failing_s, 1), away=self.health.away,
        )  # fmt: skip

    async def _not_delivered(
        self, queue: EndpointQueue, call: str, waiting: Waiting, verdict: Verdict, answer: Answer
    ) -> Waiting | None:
        """Put the lane off and return None; or give the message up, and return the next one."""
        before, now = await until_answered(partial(queue.failing, call)), SYSTEM_CLOCK.time()
        failing = Failing(before.attempts + 1, before.since or now, shown(answer))
        if now - waiting.message.queued_at >= GIVEN_UP_S:
            return await self._give_up(queue, call, waiting, failing, now)
        refused = verdict is Verdict.REFUSED
        until = now + next_attempt_s(failing.attempts, refused=refused, retry_after_s=answer.retry_after_s)
        await until_answered(partial(queue.put_off, call, failing, until))
        return None

    async def _give_up(
        self, queue: EndpointQueue, call: str, waiting: Waiting, failing: Failing, now: float
    ) -> Waiting | None:
        message = waiting.message
        _LOG.error(
            "event.dead", group="webhooks", endpoint=self.endpoint.name, event_id=message.id, type=message.type,
            attempts=failing.attempts, error=failing.answer,
        )  # fmt: skip
        following = await until_answered(partial(queue.bury, call, waiting, failing, now))
        self.status.given_up += 1
        if not self.status.stopped and self.status.succeeded_at < message.queued_at:
            self.stop("nothing was received for three days")
        return following

    async def sweep(self, queue: EndpointQueue, now: float) -> None:
        """Give up what has waited too long for an endpoint that is away: not every message gets an attempt by then."""
        async for page in queue.lanes():
            for call, _, head, failing in page:
                waiting: Waiting | None = head
                while waiting is not None and now - waiting.message.queued_at >= GIVEN_UP_S + _SWEEP_S:
                    waiting = await self._give_up(queue, call, waiting, failing, now)


def shown(answer: Answer) -> str:
    """An answer in one line: ``500 Internal Server Error``, or why there is none."""
    return f"{answer.status} {answer.words}".strip() if answer.status else answer.words
