"""A simulated caller who calls as Plivo does: asks the edge's webhooks what to do with the call, and does it."""

import asyncio
import base64
import hashlib
import hmac
import secrets
import uuid
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

import httpx

from orchestra.errors import RejectedError, UsageError
from orchestra.simulator.caller import CallerBehaviour, CallOutcome, HowEnded, LiveConversation, live
from orchestra.simulator.edge_connection import webhook_client
from orchestra.simulator.phone_line import PhoneLine
from orchestra.simulator.plivo_stream import PlivoStream
from orchestra.simulator.plivo_xml import (
    Dial,
    Hangup,
    Play,
    PlivoElement,
    Redirect,
    Speak,
    Stream,
    Wait,
    parse_plivo_xml,
)
from orchestra.simulator.transfer_target import TransferTarget
from orchestra.voice.audio import mulaw

_RECONNECTS = 5
_TRIES = 3  # Plivo's own
_BETWEEN_TRIES_S = 0.3


def sign_v3(url: str, form: Mapping[str, str], nonce: str, auth_token: str) -> str:
    """Plivo's signature of a request: see https://www.plivo.com/docs/voice/xml/request/validation."""
    parts = urlsplit(url)
    query = "&".join(
        f"{name}={value}"
        for name, values in sorted(parse_qs(parts.query, keep_blank_values=True).items())
        for value in sorted(values)
    )
    text = f"{parts.scheme}://{parts.netloc}{parts.path}"
    if query:
        text += f"?{query}" + ("." if form else "")
    elif form:
        text += "?"
    text += "".join(f"{name}{form[name]}" for name in sorted(form)) + f".{nonce}"
    return base64.b64encode(hmac.digest(auth_token.encode(), text.encode(), hashlib.sha256)).decode()


class PlivoCaller:
    """One simulated caller of one edge, for one call.

    Args:
        url: the edge's base address, ``http://127.0.0.1:8480``.
        auth_token: the token that the edge checks Plivo's signatures with.
        from_number: the caller's number, as Plivo has it: without a plus.
        to_number: the number that is called.
        transfer_target: the person or machine that answers when the edge transfers the call.
        answer_url: the address that the edge gave for a call that it placed; then the "caller" is who is called.
        machine: the result of machine detection, "true" or "false".

    """

    def __init__(
        self,
        url: str,
        auth_token: str,
        *,
        from_number: str = "15550001",
        to_number: str = "15550100",
        transfer_target: TransferTarget | None = None,
        answer_url: str = "",
        machine: str = "",
    ) -> None:
        self.call_uuid = str(uuid.uuid4())
        self.url = url.rstrip("/")
        self._auth_token = auth_token
        self._from, self._to = from_number, to_number
        self._person = transfer_target or TransferTarget()
        self._answer_url = answer_url
        self._machine = machine
        self._transferred_to = ""
        self._attempts = 0
        self._announcements: list[str] = []
        self._streams: list[PlivoStream] = []

    @property
    def provider_call(self) -> str:
        """The carrier's id of the call."""
        return self.call_uuid

    async def call(self, line: PhoneLine, conversation: CallerBehaviour) -> CallOutcome:
        """Make the call over this line, run the conversation in it, and return when the call is over.

        Raises:
            UsageError: no edge answers at the address, or it refuses the signature.
            RejectedError: the edge's answer breaks the protocol.

        """
        async with webhook_client() as http:
            elements = await self._begin(http)
            async with live(line, conversation) as talk:
                how = await self._follow(http, elements, talk)
            if how != "cut_off":
                await self.post(http, f"{self.url}/plivo/hangup", CallStatus="completed", Event="Hangup")
        closed = self._streams[-1].closed if self._streams else ""
        how = "transferred" if self._transferred_to else how
        return CallOutcome(how, self._transferred_to, tuple(self._announcements), len(self._streams), closed)

    async def post(self, http: httpx.AsyncClient, url: str, **fields: str) -> httpx.Response:
        """Call a webhook, signed."""
        form = {
            "CallUUID": self.call_uuid,
            "From": self._from,
            "To": self._to,
            "Direction": "outbound" if self._answer_url else "inbound",
            "CallStatus": "in-progress",
            **fields,
        }
        nonce = secrets.token_hex(10)
        signature = sign_v3(url, form, nonce, self._auth_token)
        headers = {"X-Plivo-Signature-V3": signature, "X-Plivo-Signature-V3-Nonce": nonce}
        return await http.post(url, data=form, headers=headers)

    async def _begin(self, http: httpx.AsyncClient) -> list[PlivoElement]:
        machine = {"Machine": self._machine} if self._machine else {}
        status = "in-progress" if self._answer_url else "ringing"
        try:
            return await self._ask(
                http, self._answer_url or f"{self.url}/plivo/answer", CallStatus=status, Event="StartApp", **machine
            )
        except httpx.TransportError as error:
            msg = f"no edge answers at {self.url} ({error or type(error).__name__}): start `orchestra up`"
            raise UsageError(msg) from None

    async def _follow(self, http: httpx.AsyncClient, elements: list[PlivoElement], talk: LiveConversation) -> HowEnded:
        """Execute the edge's documents, one after another, until the call is over."""
        while True:
            following = await self._act(http, elements, talk)
            if isinstance(following, str):
                return following
            url, fields = following
            try:
                elements = await self._ask(http, url, **fields)
            except httpx.TransportError:
                return "cut_off"

    async def _act(
        self, http: httpx.AsyncClient, elements: list[PlivoElement], talk: LiveConversation
    ) -> HowEnded | tuple[str, dict[str, str]]:
        """Execute one document. Returns how the call ended, or the address and fields of the next request."""
        for element in elements:
            match element:
                case Stream():
                    if await self._hold(element, talk):
                        return "caller_hung_up"
                case Dial():
                    status = "completed" if await self._transfer(http, element, talk.line) else "no-answer"
                    return element.action, {"DialStatus": status}
                case Speak(text):
                    self._announcements.append(text)
                case Wait(length_s):
                    await asyncio.sleep(length_s)
                case Redirect(url):
                    return url, {}
                case Hangup():
                    break
        return "agent_hung_up" if self._streams else "refused"

    async def _transfer(self, http: httpx.AsyncClient, dial: Dial, line: PhoneLine) -> bool:
        """Ring the person; once they have taken the call, the caller hears them until they hang up."""
        person = self._person
        person.extension = dial.send_digits
        if dial.music_url:
            for element in await self._ask(http, dial.music_url):
                if isinstance(element, Play):
                    await person.play_hold_music(element.url, line)
        if not person.answers:
            return False
        await self.post(http, dial.callback_url, DialAction="answer")
        for element in await self._ask(http, dial.confirm_sound):
            if not isinstance(element, Speak | Wait):
                return False  # Plivo ignores what is neither spoken nor played, and nobody confirms silence
            if isinstance(element, Speak):
                person.briefed.append(element.text)
        if person.presses != dial.confirm_key:
            return False
        await self.post(http, dial.callback_url, DialAction="connected")
        self._transferred_to = dial.target
        person.connected_s = line.now_s
        line.playout.put(mulaw.encode(person.says))
        await line.until(lambda: not line.playout, 2 * person.says.size / mulaw.SAMPLE_RATE + 1)
        return True

    async def _hold(self, verb: Stream, talk: LiveConversation) -> bool:
        """Run the conversation over one media stream. True: the caller hung up."""
        if self._attempts > _RECONNECTS:
            msg = f"the edge asked for {self._attempts} reconnects in one call"
            raise RejectedError(msg)
        self._attempts += 1
        try:
            stream = await PlivoStream.open(verb, talk.line, self.call_uuid)
        except RejectedError:
            return False  # the edge has gone since it answered: ask what happens next
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

    async def _ask(self, http: httpx.AsyncClient, url: str, **fields: str) -> list[PlivoElement]:
        """Ask for a document, and again if the connection fails, as the carrier does."""
        for _ in range(_TRIES - 1):
            try:
                return self._read(url, await self.post(http, url, **fields))
            except httpx.TransportError:
                await asyncio.sleep(_BETWEEN_TRIES_S)
        return self._read(url, await self.post(http, url, **fields))

    def _read(self, url: str, answer: httpx.Response) -> list[PlivoElement]:
        if answer.status_code == httpx.codes.FORBIDDEN:
            msg = f"the edge at {self.url} refuses the signature: give its auth token (ORCHESTRA_PLIVO_AUTH_TOKEN)"
            raise UsageError(msg)
        if answer.is_error:
            msg = f"the edge answered {url} with status {answer.status_code}: {answer.text[:80]!r}"
            raise RejectedError(msg)
        return parse_plivo_xml(answer.text)
