"""Places calls that somebody has asked for: which ones may be placed now, and each of them once."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import msgspec
import structlog

from orchestra.bus import Bus
from orchestra.errors import AppError, CallUncertainError, CarrierError, DialRefusedError, RejectedError, SettingError
from orchestra.lines import Hours, LinePlan, line_name
from orchestra.lines.dialled import E164
from orchestra.settings import Settings
from orchestra.voice.carriers.phone_number import check_number
from orchestra.voice.carriers.port import Carrier
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


_Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]


class CallRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True, omit_defaults=True):
    """A call to place.

    Attributes:
        to: the number to call, E.164.
        line: our number that the person sees, and whose app speaks; by default that of the settings.
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
    """Places calls by one carrier.

    Attributes:
        settings: with the hours, and our own number.
        bus: where requests are remembered.
        carrier: rings the number.
        plan: the lines; None if one app answers everything.
        new_call: makes the id of a call.
        clock: the time, epoch seconds.

    """

    settings: Settings
    bus: Bus
    carrier: Carrier
    plan: LinePlan | None
    new_call: Callable[[], str]
    clock: Callable[[], float] = time.time

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
        self._check(request)
        call = self.new_call()
        admit(call)
        made = DialRequest(asked=request.asked, call=call, at=self.clock())
        try:
            await requests.keep_variables(call, request.variables)
            if key and (earlier := await requests.begin(key, made)) is not None:
                release(call)
                return self._again(request, earlier)
            provider_call = await self._ask_carrier(request, call)
        except CallUncertainError as error:
            if key:
                await requests.end(key, msgspec.structs.replace(made, state="unknown"))
            raise DialRefusedError(
                Reason.CARRIER_UNCERTAIN, f"{error}: the call may ring all the same", call
            ) from error
        except (CarrierError, SettingError) as error:
            release(call)
            if key:
                await requests.forget(key)
            reason = Reason.SETTING_MISSING if isinstance(error, SettingError) else Reason.CARRIER_REFUSED
            raise DialRefusedError(reason, str(error)) from error
        except BaseException:
            release(call)
            raise
        if key:
            await requests.end(key, msgspec.structs.replace(made, state="placed", provider_call=provider_call))
        return PlacedCall(call, provider_call)

    async def was_asked(self, key: str) -> bool:
        """Whether a request with this key got as far as the carrier, or may have."""
        return await DialRequests(self.bus, self.settings.dial_key_s).find(key) is not None

    async def _ask_carrier(self, request: CallRequest, call: str) -> str:
        try:
            return await self.carrier.place_call(call, request.to, line_name(request.line) if request.line else "")
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

    def _check(self, request: CallRequest) -> None:
        try:
            check_number(request.to)
        except RejectedError as error:
            raise DialRefusedError(Reason.NUMBER_INVALID, str(error)) from None
        self._check_line(request.line)
        if self.settings.dial_hours:
            self._check_hours(request)

    def _check_line(self, line: str) -> None:
        own = getattr(self.settings, f"{self.settings.carrier}_number", "")
        try:
            name = line_name(line) if line else own
        except ValueError as error:
            raise DialRefusedError(Reason.LINE_UNKNOWN, f"line: {error}") from None
        numbers = {own} if self.plan is None else {own, *filter(E164.fullmatch, self.plan.rules)}
        if line and name not in numbers - {""}:
            msg = f"{line[:64]!r} is none of our numbers: a call is placed from one of them"
            raise DialRefusedError(Reason.LINE_UNKNOWN, msg)
        if self.plan is not None and name and not self.plan.find(name):
            raise DialRefusedError(Reason.LINE_UNKNOWN, f"no app answers for {name}: name a line of the app")

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
