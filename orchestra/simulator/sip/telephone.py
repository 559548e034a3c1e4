"""A simulated SIP telephone."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self

from orchestra.simulator.sip.dialog import Leg, replaced
from orchestra.simulator.sip.messages import Headers, Request, Response, host_of, parameter
from orchestra.simulator.sip.rtp import Faults, HeardPacket, PressedKey
from orchestra.simulator.sip.transactions import ClientTransaction
from orchestra.simulator.sip.transport import Source, Transport

_KEPT_RESPONSES = 256
_ALLOWED = "INVITE, ACK, BYE, CANCEL, OPTIONS, REFER, NOTIFY, INFO, UPDATE"

#: is given each call that comes in: it rings, and is to be answered or refused
OnCall = Callable[[Leg], Coroutine[Any, Any, None]]
OnAudio = Callable[[Leg, HeardPacket], None]
OnKey = Callable[[Leg, PressedKey], None]


class Telephone:
    """A telephone on this machine that places and takes calls, by UDP or TCP.

    Args:
        host: the address at which it is reached.
        user: its number or name.
        transport: of the calls that it places: ``udp`` or ``tcp``.
        name: its display name.
        port: of its SIP; any that is free by default.
        on_call: takes the calls that come in; without it they hear that it is busy.

    Attributes:
        complaints: what the other end did against the protocol.
        legs: its calls, over or not.

    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        *,
        user: str = "+15550001",
        transport: str = "udp",
        name: str = "Ann Caller",
        port: int = 0,
        on_call: OnCall | None = None,
    ) -> None:
        self.host, self.user, self.transport = host, user, transport
        self.name = f'"{name}" ' if name else ""
        self.complaints: list[str] = []
        self.legs: list[Leg] = []
        self.on_audio: OnAudio | None = None
        self.on_key: OnKey | None = None
        self._on_call = on_call
        self._port = port
        self._transport = Transport(self._take, self.complaints.append)
        self._running: dict[tuple[str, str], tuple[ClientTransaction, Leg]] = {}
        self._responses: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._sources: OrderedDict[tuple[str, str], Source] = OrderedDict()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        """Open its sockets."""
        await self._transport.open(self.host, self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up what is left, and close the sockets."""
        for leg in self.legs:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(1.0):
                    await leg.hang_up()
            leg.cut_off()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._transport.close()

    @property
    def via(self) -> str:
        """Its address as it stands in a Via."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self._transport.port}"

    @property
    def uri(self) -> str:
        """Its own address."""
        return f"sip:{self.user}@{self.via}"

    def new_leg(self, target: str, faults: Faults | None = None) -> Leg:
        """A call that is to be placed, see `Leg.invite`."""

        def heard(packet: HeardPacket) -> None:
            if self.on_audio is not None:
                self.on_audio(leg, packet)

        def pressed(key: PressedKey) -> None:
            if self.on_key is not None:
                self.on_key(leg, key)

        leg = Leg(self, target, faults or Faults(), heard, pressed)
        self.legs.append(leg)
        return leg

    async def call(self, target: str, headers: Headers = (), faults: Faults | None = None) -> Leg:  # type: ignore[assignment]
        """Call, and return the call once it is answered or refused.

        Raises:
            RejectedError: nobody answers there.

        """
        leg = self.new_leg(target, faults)
        await leg.invite(list(headers))
        return leg

    # -- for its legs

    async def send(self, data: bytes, leg: Leg, *, after_s: float = 0.0) -> None:
        """Send to the other end of a leg."""
        if after_s:
            await asyncio.sleep(after_s)
        host, port, _ = host_of(leg.hops())
        await self._transport.send(data, host, port, leg.transport)

    async def transact(
        self, request: Request, leg: Leg, on_provisional: Callable[[Response], None] | None = None
    ) -> Response:
        """Send a request, and return its final response.

        Raises:
            TimeoutError: none came.
            OSError: nobody takes the connection.

        """

        async def send(data: bytes) -> None:
            await self.send(data, leg)

        key = (request.branch, request.method)
        transaction = ClientTransaction(request, send, reliable=leg.transport != "udp", on_provisional=on_provisional)
        self._running[key] = (transaction, leg)
        return await transaction.run()

    def respond(self, request: Request, response: Response) -> None:
        """Answer a request, and each repetition of it."""
        key = (request.branch, request.method)
        data = response.encode()
        self._responses[key] = data
        while len(self._responses) > _KEPT_RESPONSES:
            self._responses.popitem(last=False)
        if key in self._sources:
            self._sources[key].reply(data)

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run this beside, until the telephone is closed."""
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --

    def _take(self, message: Request | Response, source: Source) -> None:
        if isinstance(message, Response):
            self._take_response(message)
            return
        key = (message.branch, message.method)
        if key in self._responses:  # it did not get our answer
            source.reply(self._responses[key])
            return
        if key in self._sources:
            return  # a repetition of what is still being worked on
        if message.method != "ACK":
            self._sources[key] = source
            while len(self._sources) > _KEPT_RESPONSES:
                self._sources.popitem(last=False)
        if not message.branch.startswith("z9hG4bK") or not message.get("max-forwards"):
            self.complaints.append(f"a {message.method} without Max-Forwards or a branch of RFC 3261")
        self._take_request(message, source)

    def _take_request(self, message: Request, source: Source) -> None:
        leg = self._leg_of(message)
        if leg is not None:
            leg.take(message)
        elif message.method == "INVITE" and not parameter(message.get("to"), "tag"):
            self._rung(message, source)
        elif message.method == "OPTIONS":
            self.respond(message, message.response(200, "OK", more=[("allow", _ALLOWED)]))
        elif message.method != "ACK":
            if message.method != "CANCEL":
                self.complaints.append(f"a {message.method} outside of any call of ours")
            self.respond(message, message.response(481, "Call Does Not Exist"))

    def _take_response(self, response: Response) -> None:
        transaction, leg = self._running.get((response.branch, response.cseq_method), (None, None))
        if transaction is None or leg is None:
            self.complaints.append(f"a response to nothing that was asked: {response.start}")
            return
        if response.status >= 200 and (ack := transaction.acknowledge(response)) is not None:  # noqa: PLR2004 - final
            self.spawn(self.send(ack.encode(), leg))
        elif response.cseq_method == "INVITE" and response.status >= 200:  # noqa: PLR2004
            leg.acknowledge_again()
        transaction.take(response)

    def _leg_of(self, request: Request) -> Leg | None:
        tag = parameter(request.get("to"), "tag")
        for leg in self.legs:
            if leg.call_id != request.call_id:
                continue
            if (leg.local_tag, leg.remote_tag) == (tag, parameter(request.get("from"), "tag")):
                return leg
            if request.method in {"CANCEL", "ACK"} and not tag:
                return leg
        return None

    def _rung(self, invite: Request, source: Source) -> None:
        self.respond(invite, invite.response(100, "Trying"))
        leg = self.new_leg("sip:unknown@invalid")
        leg.incoming(invite, source)
        if replaces := invite.get("replaces"):
            self.spawn(self._replace(leg, replaces))
        elif self._on_call is None:
            leg.refuse()
        else:
            leg.ring()
            self.spawn(self._on_call(leg))

    async def _replace(self, leg: Leg, header: str) -> None:
        """A call takes the place of another one of ours (RFC 3891 §3)."""
        old = replaced(self.legs, header)
        if old is None or old.end:
            leg.refuse(481, "Call Does Not Exist")
            return
        await leg.answer()
        old.transferred = leg
        await old.hang_up()
