"""A simulated caller who calls as Twilio does: asks the edge's webhook what to do with the call, and does it."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urljoin

import httpx
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from orchestra.errors import RejectedError, UsageError
from orchestra.simulator.media_stream import MediaStream
from orchestra.simulator.phone_line import PhoneLine
from orchestra.simulator.transfer_target import TransferTarget, accepts_call
from orchestra.simulator.twiml import ConnectStream, Dial, Hangup, Pause, Redirect, Say, Verb, parse_twiml
from orchestra.voice.audio import mulaw

_WEBHOOK_TIMEOUT_S = 15.0  # Twilio's own
_RECONNECTS = 5
_TRIES = 3
_BETWEEN_TRIES_S = 0.3

#: what the caller does once connected; when it returns, the caller hangs up
CallerBehaviour = Callable[[PhoneLine], Awaitable[None]]


HowEnded = Literal["caller_hung_up", "agent_hung_up", "transferred", "refused", "cut_off"]


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """How a call ended.

    ``target`` is the number of a transfer; ``announcements`` is what the carrier itself was to say; ``streams`` is how
    many media streams there were, more than one after a reconnect; ``closed`` is how the edge closed the last one.
    ``cut_off``: the stream broke, and no edge answered when asked what happens next.
    """

    how: HowEnded
    target: str = ""
    announcements: tuple[str, ...] = ()
    streams: int = 0
    closed: str = ""

    def __str__(self) -> str:
        """In words: "the agent hung up"."""
        announced = f": “{' '.join(self.announcements)}”" if self.announcements else ""
        return _IN_WORDS[self.how].format(target=self.target) + announced


_IN_WORDS = {
    "caller_hung_up": "the caller hung up",
    "agent_hung_up": "the agent hung up",
    "transferred": "the call was handed to {target}",
    "refused": "the edge refused the call",
    "cut_off": "the call was cut off",
}


class Caller:
    """One simulated caller of one edge, for one call.

    Args:
        url: the edge's base address, ``http://127.0.0.1:8480``.
        auth_token: the token that the edge checks Twilio's signatures with.
        from_number: the caller's number, E.164.
        to_number: the number that is called, E.164.
        transfer_target: who answers when the edge transfers the call.
        call_sid: the carrier's id of the call; made up unless given.
        answered_by: the result of machine detection, for a call that the edge placed; then ``voice_url`` is the address
            that the edge gave for it, and the "caller" is the one who is called.

    """

    def __init__(
        self,
        url: str,
        auth_token: str,
        *,
        from_number: str = "+15550001",
        to_number: str = "+15550100",
        transfer_target: TransferTarget | None = None,
        answered_by: str = "",
        voice_url: str = "",
        call_sid: str = "",
    ) -> None:
        self.call_sid = call_sid or "CA" + secrets.token_hex(16)
        self.url = url.rstrip("/")
        self._signature = RequestValidator(auth_token).compute_signature
        self._account_sid = "AC" + secrets.token_hex(16)
        self._from, self._to = from_number, to_number
        self._transfer_target = transfer_target or TransferTarget()
        self._answered_by, self._voice_url = answered_by, voice_url or f"{self.url}/twilio/voice"
        self._transferred_to = ""
        self._attempts = 0
        self._announcements: list[str] = []
        self._streams: list[MediaStream] = []

    async def call(self, line: PhoneLine, conversation: CallerBehaviour) -> CallOutcome:
        """Make the call over this line, run the conversation in it, and return when the call is over.

        Raises:
            UsageError: no edge answers there, or it refuses the signature.
            RejectedError: the edge's answer breaks the protocol.

        """
        try:
            async with httpx.AsyncClient(
                # a new connection for each webhook: any edge at the address may answer
                timeout=_WEBHOOK_TIMEOUT_S,
                trust_env=False,
                limits=httpx.Limits(max_keepalive_connections=0),
            ) as http:
                verbs = await self._dial(http)
                async with asyncio.TaskGroup() as tasks:
                    ending = await self._follow(http, verbs, _LiveConversation(tasks, line, conversation))
                    line.end()
                return ending
        except ExceptionGroup as group:
            # The tasks of a call end together; the first error is the reason.
            raise group.exceptions[0] from None

    async def send_status(self, url: str, status: str) -> None:
        """Send the call's status to the edge, as the carrier does to a status callback."""
        async with httpx.AsyncClient(timeout=_WEBHOOK_TIMEOUT_S, trust_env=False) as http:
            form = {"CallSid": self.call_sid, "CallStatus": status, "From": self._from, "To": self._to}
            await http.post(url, data=form, headers={"X-Twilio-Signature": self._signature(url, form)})

    async def _dial(self, http: httpx.AsyncClient) -> list[Verb]:
        answered = {"AnsweredBy": self._answered_by} if self._answered_by else {}
        try:
            return await self._ask_again(http, self._voice_url, "in-progress" if answered else "ringing", **answered)
        except httpx.TransportError as error:
            msg = f"no edge answers at {self.url} ({error or type(error).__name__}): start `orchestra up`"
            raise UsageError(msg) from None

    async def _follow(self, http: httpx.AsyncClient, verbs: list[Verb], talk: "_LiveConversation") -> CallOutcome:
        """Execute the edge's TwiML, document after document, until the call is over."""
        while True:
            result = await self._act(http, verbs, talk)
            if isinstance(result, CallOutcome):
                return result
            url, extra = result
            try:
                verbs = await self._ask_again(http, url, "in-progress", **extra)
            except httpx.TransportError:
                return self._outcome("cut_off")

    async def _act(
        self, http: httpx.AsyncClient, verbs: list[Verb], talk: "_LiveConversation"
    ) -> CallOutcome | tuple[str, dict[str, str]]:
        """Execute one document. Returns the call's outcome, or the address and fields of the next request."""
        for verb in verbs:
            match verb:
                case Hangup():
                    break
                case Dial():
                    bridged = await self._transfer(http, verb, talk.line)
                    if not verb.action:
                        return self._outcome("transferred" if bridged else "agent_hung_up")
                    status = "completed" if bridged else "no-answer"
                    return verb.action, {"DialCallStatus": status, "DialBridged": str(bridged).lower()}
                case Say() | Pause():
                    await self._hear(verb)
                case Redirect(url):
                    return urljoin(self._voice_url, url), {}
                case ConnectStream():
                    if await self._hold(verb, talk):
                        return self._outcome("caller_hung_up")
                    if verb.action:
                        return urljoin(self._voice_url, verb.action), {}
        return self._outcome("agent_hung_up" if self._streams else "refused")

    async def _hear(self, verb: Say | Pause) -> None:
        if isinstance(verb, Say):
            self._announcements.append(verb.text)
        else:
            await asyncio.sleep(verb.length_s)

    async def _transfer(self, http: httpx.AsyncClient, dial: Dial, line: PhoneLine) -> bool:
        """Ring the transfer target; once they have taken the call, the caller hears them until they hang up."""
        person, sid = self._transfer_target, "CA" + secrets.token_hex(16)

        async def ask(url: str, **extra: str) -> list[Verb]:
            return await self._ask(http, url, "in-progress", CallSid=sid, ParentCallSid=self.call_sid, **extra)

        if not await accepts_call(person, dial, ask):
            return False
        self._transferred_to = dial.target
        person.connected_s = line.now_s
        line.playout.put(mulaw.encode(person.says))
        await line.until(lambda: not line.playout, 2 * person.says.size / mulaw.SAMPLE_RATE + 1)
        return True

    async def _hold(self, verb: ConnectStream, talk: "_LiveConversation") -> bool:
        """Run the conversation over one media stream. True: the caller hung up."""
        if self._attempts > _RECONNECTS:
            msg = f"the edge asked for {self._attempts} reconnects in one call"
            raise RejectedError(msg)
        self._attempts += 1
        try:
            stream = await MediaStream.open(verb, talk.line, call_sid=self.call_sid, account_sid=self._account_sid)
        except RejectedError:
            if not verb.action:
                raise
            return False  # the edge is gone since it answered: ask what happens next
        self._streams.append(stream)
        receiving = asyncio.create_task(stream.run())
        try:
            done, _ = await asyncio.wait({receiving, talk.begin()}, return_when=asyncio.FIRST_COMPLETED)
            if receiving not in done:
                await stream.hang_up()
            await receiving
        finally:
            receiving.cancel()
        return receiving not in done

    async def _ask_again(self, http: httpx.AsyncClient, url: str, status: str, **extra: str) -> list[Verb]:
        """Ask, and retry if the connection fails, as the carrier does (its fallback address is the same)."""
        for _ in range(_TRIES - 1):
            try:
                return await self._ask(http, url, status, **extra)
            except httpx.TransportError:
                await asyncio.sleep(_BETWEEN_TRIES_S)
        return await self._ask(http, url, status, **extra)

    async def _ask(self, http: httpx.AsyncClient, url: str, status: str, **extra: str) -> list[Verb]:
        form = {
            "CallSid": self.call_sid,
            "AccountSid": self._account_sid,
            "From": self._from,
            "To": self._to,
            "Caller": self._from,
            "Called": self._to,
            "CallStatus": status,
            "Direction": "outbound-api" if self._answered_by else "inbound",
            "ApiVersion": "2010-04-01",
            **extra,
        }
        if self._streams:
            form["StreamSid"] = self._streams[-1].sid
        answer = await http.post(url, data=form, headers={"X-Twilio-Signature": self._signature(url, form)})
        if answer.status_code == httpx.codes.FORBIDDEN:
            msg = f"the edge at {self.url} refuses the signature: give its auth token (ORCHESTRA_TWILIO_AUTH_TOKEN)"
            raise UsageError(msg)
        if answer.is_error:
            msg = f"the edge answered {url} with status {answer.status_code}: {answer.text[:80]!r}"
            raise RejectedError(msg)
        return parse_twiml(answer.text)

    def _outcome(self, how: HowEnded) -> CallOutcome:
        closed = self._streams[-1].closed if self._streams else ""
        if self._transferred_to:
            how = "transferred"
        return CallOutcome(how, self._transferred_to, tuple(self._announcements), len(self._streams), closed)


class _LiveConversation:
    """The clock and the conversation of one call. They start with the first stream and survive a broken one."""

    def __init__(self, tasks: asyncio.TaskGroup, line: PhoneLine, conversation: CallerBehaviour) -> None:
        self.line = line
        self._tasks, self._conversation = tasks, conversation
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> asyncio.Task[None]:
        if self._task is None:
            self._tasks.create_task(self.line.run())
            self._task = self._tasks.create_task(_run(self._conversation, self.line))
        return self._task


async def _run(conversation: CallerBehaviour, line: PhoneLine) -> None:
    await conversation(line)
