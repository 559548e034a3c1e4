"""Places calls that somebody has asked for: which ones may be placed now, and each of them once."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import msgspec
import structlog
from redis.exceptions import RedisError

from orchestra.bus import Bus
from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import AppError, CallUncertainError, CarrierError, DialRefusedError, RejectedError, SettingError
from orchestra.lines import ANY, Hours, LinePlan, line_name
from orchestra.lines.dialled import E164
from orchestra.settings import Settings
from orchestra.voice.carriers.phone_number import check_number
from orchestra.voice.carriers.port import Carrier
from orchestra.voice.carriers.sip.addresses import check_target
from orchestra.voice.edge.dial_requests import DialRequest, DialRequests
from orchestra.voice.edge.number_zone import zones_of

_LOG = structlog.get_logger("orchestra.voice")


class Reason(StrEnum):
    """Why a call is not placed, in a word for programs."""

    NUMBER_INVALID = "number_invalid"
    NUMBER_NOT_ALLOWED = "number_not_allowed"
    LINE_UNKNOWN = "line_unknown"
    ZONE_NEEDED = "zone_needed"
    OUTSIDE_HOURS = "outside_hours"
    SETTING_MISSING = "setting_missing"
    KEY_REUSED = "key_reused"
    IN_PROGRESS = "in_progress"
    CARRIER_REFUSED = "carrier_refused"
    CARRIER_UNCERTAIN = "carrier_uncertain"
    EDGE_FULL = "edge_full"
    EDGE_DRAINING = "edge_draining"
    RATE = "rate"


_SIP = "sip"
#: why, by what the carrier raises
_REFUSED = {
    SettingError: Reason.SETTING_MISSING,
    CarrierError: Reason.CARRIER_REFUSED,
    RejectedError: Reason.NUMBER_INVALID,
}

_Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$")]


class CallRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True, omit_defaults=True):
    """A call to place.

    Attributes:
        to: the number to call, E.164, or a SIP address, which the SIP gateway calls.
        line: the line whose app speaks. A number is the one that the person sees, by default that of the settings; the
            SIP gateway places the calls of a SIP name, from its own account.
        variables: what the agents are told of the call, as data.
        zone: the person's time zone (IANA), in place of that of the number.
        idempotency_key: the same request with the same key places one call, however often it comes.

    """

    to: str
    line: str = ""
    variables: Annotated[dict[_Name, Annotated[str, msgspec.Meta(max_length=1024)]], msgspec.Meta(max_length=32)] = {}
    zone: str = ""
    idempotency_key: Annotated[str, msgspec.Meta(max_length=200)] = ""

    @property
    def asked(self) -> str:
        """A hash of everything but the key."""
        without_key = msgspec.structs.replace(self, idempotency_key="")
        return hashlib.sha256(msgspec.json.encode(without_key, order="deterministic")).hexdigest()


@dataclass(frozen=True, slots=True)
class PlacedCall:
    """A call that the carrier has taken: its id and the carrier's. ``again``: it had been placed before."""

    call: str
    provider_call: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class Dialler:
    """Places calls, each by the carrier that its line or the settings name.

    Attributes:
        settings: with the hours, and our own number.
        bus: where requests are remembered.
        carrier: that of the settings.
        plan: the lines; None if one app answers everything.
        new_call: makes the id of a call.
        clock: the time, epoch seconds.
        sip: the SIP gateway, if there is one beside that carrier.

    """

    settings: Settings
    bus: Bus
    carrier: Carrier
    plan: LinePlan | None
    new_call: Callable[[], str]
    clock: Callable[[], float] = SYSTEM_CLOCK.time
    sip: Carrier | None = None

    async def place(
        self,
        request: CallRequest,
        admit: Callable[[str], None] = lambda _: None,
        release: Callable[[str], None] = lambda _: None,
    ) -> PlacedCall:
        """Place a call, unless a request with its key was placed before.

        Args:
            request: the call.
            admit: reserves a place for the new call, or refuses it.
            release: gives the place back.

        Raises:
            DialRefusedError: it is not placed.

        """
        requests = DialRequests(self.bus, self.settings.dial_key_s)
        key = request.idempotency_key
        if key and (earlier := await requests.find(key)) is not None:
            return self._again(request, earlier)
        chosen = self._choose(request)
        self._check(request, by_sip=chosen is self._gateway)
        call = self.new_call()
        admit(call)
        made = DialRequest(asked=request.asked, call=call, at=self.clock())
        try:
            await requests.keep(call, request.variables, _line(request))
            if key and (earlier := await requests.begin(key, made)) is not None:
                release(call)
                return self._again(request, earlier)
            provider_call = await self._ask_carrier(chosen, request, call)
        except CallUncertainError as error:
            await self._remember(requests, key, msgspec.structs.replace(made, state="unknown"))
            raise DialRefusedError(
                Reason.CARRIER_UNCERTAIN, f"{error}: the call may ring all the same", call
            ) from error
        except (CarrierError, SettingError, RejectedError) as error:
            release(call)
            if key:
                await requests.forget(key)
            reason = next(reason for kind, reason in _REFUSED.items() if isinstance(error, kind))
            raise DialRefusedError(reason, str(error)) from error
        except BaseException:
            release(call)
            raise
        await self._remember(requests, key, msgspec.structs.replace(made, state="placed", provider_call=provider_call))
        return PlacedCall(call, provider_call)

    async def _remember(self, requests: DialRequests, key: str, made: DialRequest) -> None:
        """Remember what the carrier said. Without the server the call is placed all the same; its key stays taken."""
        try:
            if key:
                await requests.end(key, made)
            await requests.note(made)
        except RedisError as error:
            _LOG.warning("call.request_not_kept", call=made.call, error=repr(error))

    async def was_asked(self, key: str) -> bool:
        """Whether a request with this key got as far as the carrier, or may have."""
        return await DialRequests(self.bus, self.settings.dial_key_s).find(key) is not None

    @property
    def _gateway(self) -> Carrier | None:
        return self.carrier if self.settings.carrier == _SIP else self.sip

    def _choose(self, request: CallRequest) -> Carrier:
        """The carrier of a call: by who is called, by the line, else by the settings."""
        if _is_sip(request.to) or _is_sip(request.line) or (not request.line and self.settings.dial_carrier == _SIP):
            if self._gateway is None:
                named = request.to if _is_sip(request.to) else request.line or f"ORCHESTRA_DIAL_CARRIER={_SIP}"
                reason = Reason.NUMBER_INVALID if _is_sip(request.to) else Reason.LINE_UNKNOWN
                raise DialRefusedError(reason, f"{named[:64]} needs the SIP gateway: set ORCHESTRA_SIP")
            return self._gateway
        return self.carrier

    async def _ask_carrier(self, carrier: Carrier, request: CallRequest, call: str) -> str:
        # the gateway calls from its own account
        shown = _line(request) if carrier is not self._gateway else ""
        try:
            return await carrier.place_call(call, request.to, shown)
        except CarrierError as error:
            _LOG.warning("call.not_placed", call=call, reason=str(error))
            raise

    def _again(self, request: CallRequest, earlier: DialRequest) -> PlacedCall:
        if earlier.asked != request.asked:
            msg = "this idempotency key belongs to another request: use a new key for a new call"
            raise DialRefusedError(Reason.KEY_REUSED, msg, earlier.call)
        if earlier.state == "placed":
            return PlacedCall(earlier.call, earlier.provider_call, again=True)
        if earlier.is_unknown(self.clock()):
            msg = "the carrier did not say whether it has placed this call, and it is not placed again under this key"
            raise DialRefusedError(Reason.CARRIER_UNCERTAIN, msg, earlier.call)
        raise DialRefusedError(Reason.IN_PROGRESS, "a request with this key is being placed", earlier.call)

    def _check(self, request: CallRequest, *, by_sip: bool) -> None:
        try:
            (check_target if by_sip else check_number)(request.to)
        except RejectedError as error:
            raise DialRefusedError(Reason.NUMBER_INVALID, str(error)) from None
        self._check_line(request.line, by_sip=by_sip)
        if self.settings.dial_hours:
            self._check_hours(request)

    def _check_line(self, line: str, *, by_sip: bool) -> None:
        own = "" if by_sip else getattr(self.settings, f"{self.settings.carrier}_number", "")
        try:
            name = line_name(line) if line else own
        except ValueError as error:
            raise DialRefusedError(Reason.LINE_UNKNOWN, f"line: {error}") from None
        rules = () if self.plan is None else self.plan.rules.keys() - {ANY}
        ours = {*rules} if by_sip else {own, *filter(E164.fullmatch, rules)}
        if line and name not in ours - {""}:
            msg = f"{line[:64]!r} is none of our {'lines' if by_sip else 'numbers'}: a call is placed from one of them"
            raise DialRefusedError(Reason.LINE_UNKNOWN, msg)
        if self.plan is not None and (name or by_sip) and not self.plan.find(name):
            raise DialRefusedError(
                Reason.LINE_UNKNOWN, f"no app answers for {name or 'no line'}: name a line of the app"
            )

    def _check_hours(self, request: CallRequest) -> None:
        zones = (request.zone,) if request.zone else zones_of(request.to)
        if not zones:
            msg = 'the time zone of this number is not known: name the person\'s, as in "zone": "Europe/Berlin"'
            raise DialRefusedError(Reason.ZONE_NEEDED, msg)
        try:
            hours = [Hours(zone, {"mon-sun": self.settings.dial_hours}) for zone in zones]
        except AppError as error:
            raise DialRefusedError(Reason.ZONE_NEEDED, str(error)) from None
        if not all(each.is_open(self.clock()) for each in hours):
            msg = f"it is not {self.settings.dial_hours} there ({', '.join(zones[:3])}): ORCHESTRA_DIAL_HOURS"
            raise DialRefusedError(Reason.OUTSIDE_HOURS, msg)


def _is_sip(text: str) -> bool:
    return text.lower().startswith(("sip:", "sips:"))


def _line(request: CallRequest) -> str:
    """The name of the line that was asked for."""
    return line_name(request.line) if request.line else ""
