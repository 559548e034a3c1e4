"""One leg of a call: a dialog (RFC 3261 §12) with its offer and answer, hold and transfer."""

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, unquote

from orchestra.errors import RejectedError
from orchestra.simulator.sip.messages import (
    Headers,
    Message,
    Request,
    Response,
    address,
    host_of,
    new_branch,
    new_tag,
    parameter,
)
from orchestra.simulator.sip.rtp import Faults, HeardPacket, PressedKey, RtpSession
from orchestra.simulator.sip.sdp import KEYS, Media, parse_sdp, write_sdp
from orchestra.simulator.sip.transactions import GIVE_UP_S, T1_S, T2_S
from orchestra.simulator.sip.transport import Source

if TYPE_CHECKING:
    from orchestra.simulator.sip.telephone import Telephone

_SDP = ("content-type", "application/sdp")
#: what we answer while we hold the other end
_HELD = {"sendrecv": "sendonly", "sendonly": "sendonly", "recvonly": "inactive", "inactive": "inactive"}
_OK, _REFUSED, _GLARE = 200, 300, 491
_TRANSFER_WITHIN_S = 30.0
#: RFC 3261 §14.1: the caller tries again after 2.1 to 4 s
_AFTER_GLARE_S = 2.2
_GLARE_TRIES = 3

#: how a leg ended: by us, by the other end, never begun, or without a word
LegEnd = Literal["", "hung_up", "peer_hung_up", "refused", "cut_off"]


class Leg:
    """One call of a telephone to one other end.

    Attributes:
        end: how it ended; empty while it lasts.
        status: of the answer to the INVITE; 0 before.
        first: the INVITE that came, or the final response to ours: its headers.
        remote: where the other end wants its audio.
        requests: what the other end sent in this dialog, in its order.
        transferred: the leg to which the other end transferred us.

    """

    def __init__(
        self,
        telephone: "Telephone",
        target: str,
        faults: Faults,
        on_audio: Callable[[HeardPacket], None],
        on_key: Callable[[PressedKey], None],
    ) -> None:
        self._phone, self._faults = telephone, faults
        self.rtp = RtpSession(telephone.host, faults, on_audio, on_key)
        self.end: LegEnd = ""
        self.status = 0
        self.first: Message | None = None
        self.remote: Media | None = None
        self.requests: list[Request] = []
        self.transferred: Leg | None = None
        self.target = target
        self.transport = host_of(target)[2] if ";transport=" in target else telephone.transport
        self.call_id, self.local_tag, self.remote_tag = f"{new_tag()}@{telephone.host}", new_tag(), ""
        self.local, self.remote_party = f"{telephone.name}<{telephone.uri}>", f"<{target}>"
        self._cseq, self._remote_cseq = 0, -1
        self._route: list[str] = []
        self._sdp_version, self._direction = 1, "sendrecv"
        self._holding = self._renegotiating = False
        self._invite: Request | None = None
        self._ack: bytes = b""
        self._acknowledged = asyncio.Event()
        self._ended, self._established = asyncio.Event(), asyncio.Event()
        self._transfer_status: asyncio.Future[int] | None = None

    # -- what a person does

    async def invite(self, headers: Headers) -> int:
        """Call. Returns the final status; the call lasts if it is 2xx."""
        more = [("contact", self._contact), ("supported", "replaces, norefersub"), *headers, _SDP]
        self._invite = self._request("INVITE", more, self._sdp())
        try:
            response = await self._phone.transact(self._invite, self, self._on_provisional)
        except (TimeoutError, OSError) as error:
            self._over("cut_off")
            msg = f"no SIP gateway answers at {self.target} ({error or type(error).__name__})"
            raise RejectedError(msg) from error
        self.status, self.first = response.status, response
        if response.status >= _REFUSED:
            self._over("refused")
            return response.status
        self._begin(response)
        await self._acknowledge(response)
        return response.status

    async def answer(self, headers: Headers = ()) -> None:  # type: ignore[assignment]
        """Take a call that came in."""
        assert self._invite is not None
        offer = parse_sdp(self._invite.body) if self._invite.body else None
        if offer is not None:
            self._connect(offer)
        self.status = _OK
        more = [("contact", self._contact), ("supported", "replaces, norefersub"), *headers, _SDP]
        self._phone.respond(self._invite, self._ok(self._invite, more, self._sdp()))
        self._established.set()
        self._phone.spawn(self._until_acknowledged(self._ok(self._invite, more, self._sdp()).encode()))

    def ring(self) -> None:
        """Say that it rings here."""
        assert self._invite is not None
        ringing = self._invite.response(180, "Ringing", to_tag=self.local_tag, more=[("contact", self._contact)])
        self._phone.respond(self._invite, ringing)

    def refuse(self, status: int = 486, reason: str = "Busy Here") -> None:
        """Do not take a call that came in."""
        assert self._invite is not None
        self._phone.respond(self._invite, self._invite.response(status, reason, to_tag=self.local_tag))
        self._over("refused")

    async def hang_up(self, headers: Headers = ()) -> int:  # type: ignore[assignment]
        """End the call: BYE, or CANCEL while it rings. Returns the status of the answer, 0 where none came."""
        if self.end:
            return 0
        if not self._established.is_set():
            return await self._cancel()
        self._over("hung_up")
        try:
            return (await self.request("BYE", list(headers))).status
        except (TimeoutError, OSError):
            return 0

    async def hold(self) -> int:
        """Put the other end on hold. Returns the status of its answer."""
        return await self._renegotiate("sendonly")

    async def resume(self) -> int:
        """Talk again."""
        return await self._renegotiate("sendrecv")

    async def transfer(self, target: str) -> int:
        """Have the other end call ``target`` instead of us. Returns the status with which that one answered it."""
        return await self._refer(f"<{target}>")

    async def transfer_to(self, other: "Leg") -> int:
        """Connect the other end with the one of another leg of ours (attended transfer, RFC 3891)."""
        replaces = quote(f"{other.call_id};to-tag={other.remote_tag};from-tag={other.local_tag}", safe="")
        return await self._refer(f"<{other.target.partition('?')[0]}?Replaces={replaces}>")

    async def wait_established(self) -> None:
        """Wait until the call is answered, on either side."""
        await self._established.wait()

    async def wait_ended(self) -> None:
        """Wait until the call is over, whoever ended it."""
        await self._ended.wait()

    def cut_off(self) -> None:
        """Take the other end for dead."""
        self._over("cut_off")

    @property
    def held(self) -> bool:
        """Whether the other end holds us: it does not want to hear us."""
        return self.remote is not None and self.remote.direction in {"sendonly", "inactive"}

    @property
    def sends(self) -> bool:
        """Whether our audio is wanted."""
        return self.remote is not None and self.remote.direction in {"sendrecv", "recvonly"} and not self.end

    async def request(self, method: str, headers: Headers = (), body: str = "") -> Response:  # type: ignore[assignment]
        """Send a request in this dialog. Returns its final response.

        Raises:
            TimeoutError: none came.
            OSError: nobody takes the connection.

        """
        return await self._phone.transact(self._request(method, list(headers), body), self)

    # -- what the other end does

    def incoming(self, invite: Request, source: Source) -> None:
        """Begin with an INVITE that came."""
        self._invite = self.first = invite
        self.transport = source.transport
        self.call_id, self.remote_tag = invite.call_id, parameter(invite.get("from"), "tag")
        self.target, self.remote_party = address(invite.get("contact")), invite.get("from")
        self.local = f"{invite.get('to')}"
        self._route, self._remote_cseq = invite.every("record-route"), invite.cseq
        if not self.remote_tag or not self.target.startswith("sip"):
            self._complain("an INVITE without From tag or Contact")

    def take(self, request: Request) -> None:
        """Handle a request of the other end's in this dialog."""
        self.requests.append(request)
        if request.method == "ACK":
            self._take_ack(request)
            return
        if request.cseq <= self._remote_cseq and request.method != "CANCEL":
            self._complain(f"the CSeq of a {request.method} does not rise: {request.cseq} after {self._remote_cseq}")
            self._phone.respond(request, request.response(500, "CSeq out of order"))
            return
        self._remote_cseq = max(self._remote_cseq, request.cseq)
        match request.method:
            case "BYE":
                self._phone.respond(request, self._ok(request))
                self._over("peer_hung_up")
            case "CANCEL":
                self._cancelled(request)
            case "INVITE" | "UPDATE":
                self._reinvited(request)
            case "REFER":
                self._referred(request)
            case "NOTIFY":
                self._notified(request)
            case "INFO" | "OPTIONS" | "MESSAGE":
                self._phone.respond(request, self._ok(request))
            case _:
                self._phone.respond(request, request.response(501, "Not Implemented"))

    def acknowledge_again(self) -> None:
        """The answer to our INVITE came once more: the ACK was lost."""
        if self._ack and self._faults.ack_after_s is not None:
            self._phone.spawn(self._phone.send(self._ack, self))

    def hops(self) -> str:
        """Where requests of this dialog go first."""
        return address(self._route[0]) if self._route else self.target

    # --

    @property
    def _contact(self) -> str:
        transport = "" if self.transport == "udp" else f";transport={self.transport}"
        return f"<{self._phone.uri}{transport}>"

    def _sdp(self) -> str:
        host, port = self.rtp.host, self.rtp.port
        keys = KEYS if self.remote is None else self.remote.keys
        return write_sdp(host, port, version=self._sdp_version, direction=self._direction, keys=keys)

    def _ok(self, request: Request, more: Headers = (), body: str = "") -> Response:  # type: ignore[assignment]
        return request.response(_OK, "OK", to_tag=self.local_tag, more=more, body=body)

    def _complain(self, what: str) -> None:
        self._phone.complaints.append(what)

    def _request(self, method: str, headers: Headers, body: str = "", *, cseq: int | None = None) -> Request:
        if cseq is None:
            self._cseq += 1
        via = f"SIP/2.0/{self.transport.upper()} {self._phone.via};branch={new_branch()};rport"
        remote = self.remote_party
        if self.remote_tag and not parameter(remote, "tag"):
            remote += f";tag={self.remote_tag}"
        local = self.local if parameter(self.local, "tag") else f"{self.local};tag={self.local_tag}"
        standard = [
            ("via", via), ("max-forwards", "70"), ("from", local), ("to", remote), ("call-id", self.call_id),
            ("cseq", f"{cseq or self._cseq} {method}"), *(("route", each) for each in self._route),
        ]  # fmt: skip
        return Request(method=method, uri=self.target, headers=[*standard, *headers], body=body)

    def _on_provisional(self, response: Response) -> None:
        if response.body:  # early media
            self._connect(parse_sdp(response.body))

    def _begin(self, response: Response) -> None:
        self.remote_tag = parameter(response.get("to"), "tag")
        contact = address(response.get("contact"))
        if not self.remote_tag or not contact:
            self._complain("an answer to INVITE without To tag or Contact")
        self.target = contact or self.target
        self._route = list(reversed(response.every("record-route")))
        try:
            self._connect(parse_sdp(response.body))
        except RejectedError as error:
            self._complain(str(error))
        self._established.set()

    def _connect(self, media: Media) -> None:
        if self.remote is not None and media.version < self.remote.version:
            self._complain(f"the version of the session description falls: {media.version}")
        if self.remote is not None and media != self.remote and media.version == self.remote.version:
            self._complain("the session description changed, its version did not")
        if 0 not in media.payload_types:
            self._complain(f"PCMU was offered, the other end takes {media.payload_types}")
        self.remote = media
        self.rtp.connect(media)

    async def _acknowledge(self, response: Response) -> None:
        ack = self._request("ACK", [], cseq=response.cseq)
        self._ack = ack.encode()
        if self._faults.ack_after_s is None:
            return
        if self._faults.ack_after_s:
            self._phone.spawn(self._phone.send(self._ack, self, after_s=self._faults.ack_after_s))
        else:
            await self._phone.send(self._ack, self)

    async def _until_acknowledged(self, answer: bytes) -> None:
        """Repeat our answer until it is acknowledged (RFC 3261 §13.3.1.4)."""
        pause_s, waited_s = T1_S, 0.0
        while not self.end and waited_s < GIVE_UP_S:
            try:
                async with asyncio.timeout(pause_s):
                    await self._acknowledged.wait()
            except TimeoutError:
                waited_s, pause_s = waited_s + pause_s, min(2 * pause_s, T2_S)
                await self._phone.send(answer, self)
            else:
                return
        if not self.end:
            self._complain("our answer was never acknowledged")
            await self.hang_up()

    def _take_ack(self, ack: Request) -> None:
        self._acknowledged.set()
        if ack.body:  # our answer held the offer
            self._connect(parse_sdp(ack.body))

    def _cancelled(self, request: Request) -> None:
        self._phone.respond(request, self._ok(request))
        if self._invite is not None and not self._established.is_set():
            self._phone.respond(self._invite, self._invite.response(487, "Request Terminated", to_tag=self.local_tag))
            self._over("peer_hung_up")

    async def _cancel(self) -> int:
        assert self._invite is not None
        kept = {"via", "from", "to", "call-id", "max-forwards", "route"}
        headers = [(name, value) for name, value in self._invite.headers if name in kept]
        cancel = Request(
            method="CANCEL", uri=self._invite.uri, headers=[*headers, ("cseq", f"{self._invite.cseq} CANCEL")]
        )
        return (await self._phone.transact(cancel, self)).status

    def _reinvited(self, request: Request) -> None:
        if self._renegotiating:
            self._phone.respond(request, request.response(_GLARE, "Request Pending"))
            return
        offer = parse_sdp(request.body) if request.body else None
        if offer is not None:
            self._connect(offer)
            direction = offer.answer_direction
            self._change(_HELD[direction] if self._holding else direction)
        body = self._sdp() if offer is not None or request.method == "INVITE" else ""
        more = [("contact", self._contact), *([_SDP] if body else [])]
        self._phone.respond(request, self._ok(request, more, body))

    def _change(self, direction: str) -> None:
        if direction != self._direction:
            self._direction = direction
            self._sdp_version += 1

    async def _renegotiate(self, direction: str) -> int:
        self._holding = direction == "sendonly"
        self._change(direction)
        for _ in range(_GLARE_TRIES):
            self._renegotiating = True
            try:
                response = await self.request("INVITE", [("contact", self._contact), _SDP], self._sdp())
            finally:
                self._renegotiating = False
            if response.status != _GLARE:
                break
            await asyncio.sleep(_AFTER_GLARE_S)  # the other end renegotiates itself
        if response.status < _REFUSED:
            self._connect(parse_sdp(response.body))
            await self._acknowledge(response)
        return response.status

    async def _refer(self, refer_to: str) -> int:
        self._transfer_status = asyncio.get_running_loop().create_future()
        headers = [("refer-to", refer_to), ("referred-by", f"<{self._phone.uri}>"), ("contact", self._contact)]
        response = await self.request("REFER", headers)
        if response.status >= _REFUSED:
            return response.status
        try:
            async with asyncio.timeout(_TRANSFER_WITHIN_S):
                return await self._transfer_status
        except TimeoutError:
            return 0

    def _notified(self, request: Request) -> None:
        self._phone.respond(request, self._ok(request))
        found = re.match(r"SIP/2\.0 (\d\d\d)", request.body)
        if not request.get("event").startswith("refer") or found is None:
            self._complain(f"a NOTIFY that is not about our transfer: {request.get('event')!r}")
            return
        waiting, status = self._transfer_status, int(found[1])
        if status >= _OK and waiting is not None and not waiting.done():
            waiting.set_result(status)

    def _referred(self, request: Request) -> None:
        target = address(request.get("refer-to"))
        if not target.startswith("sip"):
            self._phone.respond(request, request.response(400, "Bad Refer-To", to_tag=self.local_tag))
            return
        self._phone.respond(request, request.response(202, "Accepted", more=[("contact", self._contact)]))
        self._phone.spawn(self._follow(target, request))

    async def _follow(self, target: str, request: Request) -> None:
        """Call where the other end sent us, and tell it how that went (RFC 3515 §2.4.4)."""
        uri, _, escaped = target.partition("?")
        headers: Headers = [("referred-by", by) for by in request.every("referred-by")]
        for each in filter(None, escaped.split("&")):
            name, _, value = each.partition("=")
            headers.append((name.lower(), unquote(value)))
        await self._notify(100, "Trying")
        leg = self._phone.new_leg(uri, self._faults)
        try:
            status = await leg.invite(headers)
        except RejectedError:
            status = 408
        if status < _REFUSED:
            self.transferred = leg
        await self._notify(status, "OK" if status < _REFUSED else "Failed")

    async def _notify(self, status: int, reason: str) -> None:
        if self.end:
            return
        state = "active;expires=60" if status < _OK else "terminated;reason=noresource"
        headers = [("event", "refer"), ("subscription-state", state), ("contact", self._contact)]
        headers.append(("content-type", "message/sipfrag;version=2.0"))
        await self.request("NOTIFY", headers, f"SIP/2.0 {status} {reason}\r\n")

    def _over(self, end: LegEnd) -> None:
        if not self.end:
            self.end = end
            self.rtp.close()
            self._ended.set()


def replaced(legs: Sequence[Leg], header: str) -> Leg | None:
    """The leg that a Replaces header names."""
    call_id = header.partition(";")[0].strip()
    tags = (parameter(header, "to-tag"), parameter(header, "from-tag"))
    return next((leg for leg in legs if leg.call_id == call_id and (leg.local_tag, leg.remote_tag) == tags), None)
