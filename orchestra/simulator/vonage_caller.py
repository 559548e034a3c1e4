"""A simulated caller who calls as Vonage does: asks the edge's webhook for an NCCO, and executes it.

Sources: https://developer.vonage.com/en/voice/voice-api/webhook-reference,
https://developer.vonage.com/en/getting-started/concepts/webhooks#decoding-signed-webhooks
"""

import asyncio
import hashlib
import json
import secrets
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt

from orchestra.errors import RejectedError, UsageError
from orchestra.simulator.caller import CallerBehaviour, CallOutcome, HowEnded, LiveConversation, live
from orchestra.simulator.edge_connection import WEBHOOK_WITHIN_S
from orchestra.simulator.ncco import Action, parse_ncco
from orchestra.simulator.phone_line import PhoneLine
from orchestra.simulator.transfer_target import TransferTarget
from orchestra.simulator.vonage_stream import VonageMediaStream
from orchestra.voice.audio import mulaw

_RECONNECTS = 5
_TRIES, _BETWEEN_TRIES_S = 3, 0.3
#: executing a person's document looks so often whether their leg was ended
_LOOK_EVERY_S = 0.05


@dataclass
class VonageWebhooks:
    """Vonage's requests to one edge.

    Attributes:
        secret: the account's signature secret.
        application_id: named in each token.

    """

    secret: str
    application_id: str = "11111111-2222-3333-4444-555555555555"

    def headers(self, body: bytes, **claims: Any) -> dict[str, str]:
        """Those of a request with this body."""
        signed = {
            "iat": int(time.time()),
            "jti": str(uuid.uuid4()),
            "iss": "Vonage",
            "application_id": self.application_id,
            "payload_hash": hashlib.sha256(body).hexdigest(),
        } | claims
        token = jwt.encode(signed, self.secret, algorithm="HS256")
        return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    async def post(self, url: str, fields: dict[str, Any]) -> httpx.Response:
        """Send a webhook, and again if the connection fails."""
        body = json.dumps(fields).encode()
        headers = self.headers(body)  # a repetition has the same token
        async with httpx.AsyncClient(timeout=WEBHOOK_WITHIN_S, trust_env=False) as http:
            for _ in range(_TRIES - 1):
                try:
                    return await http.post(url, content=body, headers=headers)
                except httpx.TransportError:
                    await asyncio.sleep(_BETWEEN_TRIES_S)
            return await http.post(url, content=body, headers=headers)

    async def get(self, url: str, fields: dict[str, str]) -> httpx.Response:
        """Send a webhook whose fields are in the address, behind what is there already."""
        address = httpx.URL(url).copy_merge_params(fields)
        async with httpx.AsyncClient(timeout=WEBHOOK_WITHIN_S, trust_env=False) as http:
            return await http.get(address, headers=self.headers(json.dumps(fields).encode()))


@dataclass
class VonageCaller:
    """One simulated caller of one edge, for one call.

    Attributes:
        url: the edge's base address, ``http://127.0.0.1:8480``.
        secret: the signature secret that the edge checks webhooks with.
        from_number: the caller's number, as Vonage writes it.
        to_number: the number that is called.
        transfer_target: the person or machine that answers when the edge transfers the call.
        answer_url: for a call that the edge placed: the address that it gave for it.
        event_url: likewise.
        answered_by: "human" or "machine", for such a call: machine detection says it before the first action.
        ended_legs: legs that the edge has ended by Vonage's REST API.
        leg: Vonage's id of the caller's leg.

    """

    url: str
    secret: str
    from_number: str = "15550001"
    to_number: str = "15550100"
    transfer_target: TransferTarget = field(default_factory=TransferTarget)
    answer_url: str = ""
    event_url: str = ""
    answered_by: str = ""
    ended_legs: set[str] = field(default_factory=set)
    leg: str = field(default_factory=lambda: str(uuid.uuid4()))

    def __post_init__(self) -> None:
        """What Vonage keeps of a call."""
        self.url = self.url.rstrip("/")
        self.webhooks = VonageWebhooks(self.secret)
        self._conversation = f"CON-{uuid.uuid4()}"
        self._announcements: list[str] = []
        self._streams: list[VonageMediaStream] = []
        self._attempts = 0
        self._transferred_to = ""

    @property
    def provider_call(self) -> str:
        """The carrier's id of the call: of its leg."""
        return self.leg

    async def call(self, line: PhoneLine, conversation: CallerBehaviour) -> CallOutcome:
        """Make the call over this line, run the conversation in it, and return when the call is over.

        Raises:
            UsageError: no edge answers at the address, or it refuses the signature.
            RejectedError: the edge's answer breaks the protocol.

        """
        actions = await self._begin()
        async with live(line, conversation) as talk:
            how = await self._follow(actions, talk)
        if self._transferred_to:
            how = "transferred"
        closed = self._streams[-1].closed if self._streams else ""
        return CallOutcome(how, self._transferred_to, tuple(self._announcements), len(self._streams), closed)

    async def send_event(self, status: str, **fields: str) -> httpx.Response:
        """Send the state of the caller's leg to the address for events."""
        event = self._fields(self.leg) | {"status": status, "direction": "inbound"} | fields
        return await self.webhooks.post(self.event_url or f"{self.url}/vonage/event", event)

    async def _begin(self) -> list[Action]:
        asked = self.answer_url or f"{self.url}/vonage/answer"
        try:
            if self.answered_by:
                await self.send_event(self.answered_by)
            answer = await self.webhooks.post(asked, self._fields(self.leg))
        except httpx.TransportError as error:
            msg = f"no edge answers at {self.url} ({error or type(error).__name__}): start `orchestra up`"
            raise UsageError(msg) from None
        if answer.status_code == httpx.codes.FORBIDDEN:
            msg = f"the edge at {self.url} refuses the signature: give its secret (ORCHESTRA_VONAGE_SIGNATURE_SECRET)"
            raise UsageError(msg)
        return _document(answer) or []

    async def _follow(self, actions: list[Action], talk: LiveConversation) -> HowEnded:
        """Execute the edge's documents until nothing is left to do, or the caller hangs up."""
        while actions:
            action, *actions = actions
            try:
                match action.kind:
                    case "talk":
                        await self._hear(action)
                        continue
                    case "notify":
                        payload = self._fields(self.leg) | {"payload": action.options["payload"]}
                        answer = await self.webhooks.post(action.event_url, payload)
                    case "connect" if action.endpoint["type"] == "websocket":
                        if await self._hold(action.endpoint, talk):
                            await self.send_event("completed")
                            return "caller_hung_up"
                        answer = await self._stream_event(action, "disconnected")
                    case "connect":
                        answer = await self._transfer(action, talk.line)
                    case other:
                        msg = f"an action that a caller's leg does not wait for: {other}"
                        raise RejectedError(msg)
            except httpx.TransportError:
                return "cut_off"
            actions = _document(answer) or actions
        await self.send_event("completed")
        return "agent_hung_up" if self._streams else "refused"

    async def _hear(self, action: Action) -> None:
        if action.pause_s:
            await asyncio.sleep(action.pause_s)
        else:
            self._announcements.append(action.options["text"])

    async def _hold(self, endpoint: dict[str, Any], talk: LiveConversation) -> bool:
        """Run the conversation over one media stream. True: the caller hung up."""
        if self._attempts > _RECONNECTS:
            msg = f"the edge asked for {self._attempts} reconnects in one call"
            raise RejectedError(msg)
        self._attempts += 1
        try:
            stream = await VonageMediaStream.open(endpoint, talk.line)
        except RejectedError:
            return False  # the edge has gone since it answered: its event asks what happens next
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

    async def _stream_event(self, action: Action, status: str) -> httpx.Response:
        """The stream has a leg of its own, and its events are about that."""
        event = self._fields(str(uuid.uuid4())) | {"status": status, "to": action.endpoint["uri"]}
        return await self.webhooks.post(action.event_url, event)

    # -- the person of a transfer

    async def _transfer(self, action: Action, line: PhoneLine) -> httpx.Response:
        """Ring the person; once they have taken the call, the caller hears them until they hang up."""
        person, leg, endpoint = self.transfer_target, str(uuid.uuid4()), action.endpoint
        target = endpoint.get("uri") or f"+{endpoint['number']}"

        async def tell(status: str) -> httpx.Response:
            event = self._fields(leg) | {"status": status, "to": target.lstrip("+"), "direction": "outbound"}
            return await self.webhooks.post(action.event_url, event)

        person.extension = endpoint.get("dtmfAnswer", "")
        if music := action.options.get("ringbackTone"):
            await person.play_hold_music(music, line)
        await tell("started")
        await tell("ringing")
        if not person.answers:
            return await tell("unanswered")
        await tell("answered")
        if "onAnswer" in endpoint:
            briefing = await self.webhooks.get(endpoint["onAnswer"]["url"], self._fields(leg))
            if not await self._brief(_document(briefing) or [], person, leg):
                return await tell("completed")
        self._transferred_to = target
        person.connected_s = line.now_s
        line.playout.put(mulaw.encode(person.says))
        await line.until(lambda: not line.playout, 2 * person.says.size / mulaw.SAMPLE_RATE + 1)
        return await tell("completed")

    async def _brief(self, actions: list[Action], person: TransferTarget, leg: str) -> bool:
        """Execute the document of the person's leg. True: nothing is left in it, and Vonage joins the two."""
        while actions:
            action, *actions = actions
            if action.kind == "talk":
                if not action.pause_s:
                    person.briefed.append(action.options["text"])
                for _ in range(round(action.pause_s / _LOOK_EVERY_S)):
                    if leg in self.ended_legs:
                        return False
                    await asyncio.sleep(_LOOK_EVERY_S)
            elif action.kind == "input":
                keys = {"digits": person.presses, "timed_out": not person.presses}
                answer = await self.webhooks.post(action.event_url, self._fields(leg) | {"dtmf": keys})
                actions = _document(answer) or actions
            else:
                msg = f"an action that a person's leg does not wait for: {action.kind}"
                raise RejectedError(msg)
        return leg not in self.ended_legs

    def _fields(self, leg: str) -> dict[str, str]:
        return {
            "from": self.from_number,
            "to": self.to_number,
            "uuid": leg,
            "conversation_uuid": self._conversation,
            "timestamp": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime())}.{secrets.randbelow(1000):03d}Z",
        }


def _document(answer: httpx.Response) -> list[Action] | None:
    """The NCCO of an answer; None without one, and what is being executed goes on.

    Raises:
        RejectedError: it is an error, or no NCCO.

    """
    if answer.is_error:
        msg = f"the edge answered {answer.url.path} with status {answer.status_code}: {answer.text[:80]!r}"
        raise RejectedError(msg)
    return parse_ncco(answer.text) if answer.content else None
