"""A caller that acts as Twilio does: asks the edge's webhook what to do with the call, and does it."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urljoin

import httpx
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from orchestra.errors import RejectedError, UsageError
from orchestra.voice.caller.phone_line import PhoneLine
from orchestra.voice.caller.stream import MediaStream
from orchestra.voice.caller.twiml import ConnectStream, Dial, Hangup, Pause, Say, Verb, parse_twiml

_WEBHOOK_TIMEOUT_S = 15.0  # Twilio's own
_RECONNECTS = 5

#: what the caller does once the line stands; when it returns, the caller hangs up
Conversation = Callable[[PhoneLine], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a call ended.

    ``target`` is the number of a transfer; ``announcements`` what the carrier itself was told to say;
    ``streams`` the number of media streams, more than one after a reconnect; ``closed`` how the edge closed the last.
    ``cut_off``: the stream broke, and no edge answered what was to be done next.
    """

    how: Literal["caller_hung_up", "agent_hung_up", "transferred", "refused", "cut_off"]
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
        auth_token: the token with which the edge checks Twilio's signatures.
        from_number: the caller's number, E.164.
        to_number: the number that is called, E.164.

    """

    def __init__(
        self, url: str, auth_token: str, *, from_number: str = "+15550001", to_number: str = "+15550100"
    ) -> None:
        self.call_sid = "CA" + secrets.token_hex(16)
        self.url = url.rstrip("/")
        self._signature = RequestValidator(auth_token).compute_signature
        self._account_sid = "AC" + secrets.token_hex(16)
        self._from, self._to = from_number, to_number
        self._announcements: list[str] = []
        self._streams: list[MediaStream] = []

    async def call(self, line: PhoneLine, conversation: Conversation) -> Ending:
        """Make the call over this line and hold the conversation in it; returns when the call is over.

        Raises:
            UsageError: no edge answers there, or it refuses the signature.
            RejectedError: the edge's answer is not what the protocol says.

        """
        try:
            async with httpx.AsyncClient(timeout=_WEBHOOK_TIMEOUT_S, trust_env=False) as http:
                verbs = await self._dial(http)
                async with asyncio.TaskGroup() as tasks:
                    ending = await self._follow(http, verbs, _Talk(tasks, line, conversation))
                    line.end()
                return ending
        except ExceptionGroup as group:
            # One call, one reason: the tasks of a call end together, and the first error is why.
            raise group.exceptions[0] from None

    async def _dial(self, http: httpx.AsyncClient) -> list[Verb]:
        try:
            return await self._ask(http, f"{self.url}/twilio/voice", "ringing")
        except httpx.TransportError as error:
            msg = f"no edge answers at {self.url} ({error or type(error).__name__}): start `orchestra up`"
            raise UsageError(msg) from None

    async def _follow(self, http: httpx.AsyncClient, verbs: list[Verb], talk: "_Talk") -> Ending:
        """Do what the edge's TwiML says, document after document, until the call is over."""
        while True:
            result = await self._act(verbs, talk)
            if isinstance(result, Ending):
                return result
            try:
                verbs = await self._ask(http, result, "in-progress")
            except httpx.TransportError:
                return self._ending("cut_off")

    async def _act(self, verbs: list[Verb], talk: "_Talk") -> Ending | str:
        """Do what one document says: how the call ended, or the address that has the next document."""
        for verb in verbs:
            match verb:
                case Hangup():
                    break
                case Dial(target):
                    return self._ending("transferred", target)
                case Say(text):
                    self._announcements.append(text)
                case Pause(length_s):
                    await asyncio.sleep(length_s)
                case ConnectStream():
                    if await self._hold(verb, talk):
                        return self._ending("caller_hung_up")
                    if verb.action:
                        return urljoin(f"{self.url}/twilio/voice", verb.action)
        return self._ending("agent_hung_up" if self._streams else "refused")

    async def _hold(self, verb: ConnectStream, talk: "_Talk") -> bool:
        """Hold the conversation over one media stream; True when it was the caller who hung up."""
        if len(self._streams) > _RECONNECTS:
            msg = f"the edge asked for {len(self._streams)} reconnects in one call"
            raise RejectedError(msg)
        stream = await MediaStream.open(verb, talk.line, call_sid=self.call_sid, account_sid=self._account_sid)
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

    async def _ask(self, http: httpx.AsyncClient, url: str, status: str) -> list[Verb]:
        form = {
            "CallSid": self.call_sid,
            "AccountSid": self._account_sid,
            "From": self._from,
            "To": self._to,
            "Caller": self._from,
            "Called": self._to,
            "CallStatus": status,
            "Direction": "inbound",
            "ApiVersion": "2010-04-01",
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

    def _ending(
        self, how: Literal["caller_hung_up", "agent_hung_up", "transferred", "refused", "cut_off"], target: str = ""
    ) -> Ending:
        closed = self._streams[-1].closed if self._streams else ""
        return Ending(how, target, tuple(self._announcements), len(self._streams), closed)


class _Talk:
    """The clock and the conversation of one call, which outlive a stream that breaks; begun with the first stream."""

    def __init__(self, tasks: asyncio.TaskGroup, line: PhoneLine, conversation: Conversation) -> None:
        self.line = line
        self._tasks, self._conversation = tasks, conversation
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> asyncio.Task[None]:
        if self._task is None:
            self._tasks.create_task(self.line.run())
            self._task = self._tasks.create_task(_run(self._conversation, self.line))
        return self._task


async def _run(conversation: Conversation, line: PhoneLine) -> None:
    await conversation(line)
