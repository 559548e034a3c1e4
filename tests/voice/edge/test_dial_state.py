"""Who places a call, by its line and who is called; and how far a call is that was placed."""

from typing import Any

import httpx
import pytest

from orchestra import Line, Lines
from orchestra.errors import CarrierError, DialRefusedError
from orchestra.history.call_outcome import outcome_of
from orchestra.history.call_record import CallRecord
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra.voice.carriers.port import Parties
from orchestra.voice.edge.dial_requests import DialRequest, DialRequests
from orchestra.voice.edge.dialler import CallRequest, Dialler
from orchestra.voice.edge.placed_calls import find_placed
from orchestra_schemas import CallAnswered, CallEnded, CallStarted
from tests.voice.edge.test_dial_api import DIAL, edge_that_dials, order
from tests.voice.edge.test_lines import BANK, CLINIC

pytestmark = [
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated:DeprecationWarning"),
]

READ = {"Authorization": "Bearer api token"}
OFFICE = Lines({"+15550100": BANK, "sip:clinic": Line(app=CLINIC), "*": BANK})


class _Carrier:
    def __init__(self, error: Exception | None = None) -> None:
        self.placed: list[tuple[str, str]] = []
        self.error = error

    async def place_call(self, call: str, to_number: str, from_number: str = "") -> str:
        del call
        self.placed.append((to_number, from_number))
        if self.error is not None:
            raise self.error
        return "CA1"


def _dialler(
    bus: TestBus, company: _Carrier, gateway: _Carrier | None, lines: Lines | None = OFFICE, **settings: Any
) -> Dialler:
    known = Settings(**({"carrier": "twilio", "twilio_number": "+15550100"} | settings))
    plan = None if lines is None else lines.plan
    return Dialler(known, bus.bus, company, plan, bus.call, sip=gateway)  # type: ignore[arg-type] - they place calls


@pytest.mark.parametrize(
    ("request_", "changed", "by", "shown"),
    [
        ({"to": "+15550001"}, {}, "company", ""),
        ({"to": "+15550001", "line": "+1 555 010-0"}, {}, "company", "+15550100"),
        ({"to": "+15550001"}, {"dial_carrier": "sip"}, "gateway", ""),
        ({"to": "+15550001", "line": "+15550100"}, {"dial_carrier": "sip"}, "company", "+15550100"),
        ({"to": "+15550001", "line": "sip:Clinic"}, {}, "gateway", ""),
        ({"to": "sip:ann@pbx.example.com:5070;transport=tcp"}, {}, "gateway", ""),
        ({"to": "sips:ann@pbx.example.com", "line": "sip:clinic"}, {}, "gateway", ""),
        ({"to": "sip:ann@pbx.example.com", "line": "+15550100"}, {}, "gateway", ""),
    ],
    ids=str,
)
async def test_who_is_called_and_the_line_choose_the_carrier(
    bus: TestBus, request_: dict[str, Any], changed: dict[str, Any], by: str, shown: str
) -> None:
    carriers = {"company": _Carrier(), "gateway": _Carrier()}
    dialler = _dialler(bus, carriers["company"], carriers["gateway"], **changed)
    await dialler.place(CallRequest(**request_))
    assert {name: each.placed for name, each in carriers.items()} == {
        "company": [],
        "gateway": [],
        by: [(request_["to"], shown)],
    }


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"to": "sip:ann@pbx.example.com"}, "number_invalid"),
        ({"to": "+15550001", "line": "sip:clinic"}, "line_unknown"),
    ],
    ids=str,
)
async def test_what_needs_the_gateway_is_refused_without_one(
    bus: TestBus, request_: dict[str, Any], reason: str
) -> None:
    company = _Carrier()
    with pytest.raises(DialRefusedError, match="needs the SIP gateway: set ORCHESTRA_SIP") as refused:
        await _dialler(bus, company, None).place(CallRequest(**request_))
    assert (refused.value.reason, company.placed) == (reason, [])


@pytest.mark.parametrize(
    ("to", "line", "reason"),
    [
        ("sip:ann", "", "number_invalid"),
        ("sip:ann@pbx.example.com\r\nX: y", "", "number_invalid"),
        ("sip:ann@pbx.example.com", "sip:nobody", "line_unknown"),
        ("sip:ann@pbx.example.com", "sip:a b", "line_unknown"),
        ("+15550001", "+15550199", "line_unknown"),
    ],
)
async def test_what_cannot_be_called_places_no_call(bus: TestBus, to: str, line: str, reason: str) -> None:
    company, gateway = _Carrier(), _Carrier()
    with pytest.raises(DialRefusedError) as refused:
        await _dialler(bus, company, gateway).place(CallRequest(to=to, line=line))
    assert (refused.value.reason, company.placed, gateway.placed) == (reason, [], [])


async def test_without_a_line_for_everything_the_gateway_needs_a_line(bus: TestBus) -> None:
    with pytest.raises(DialRefusedError, match="name a line of the app"):
        await _dialler(bus, _Carrier(), _Carrier(), Lines({"sip:clinic": CLINIC})).place(
            CallRequest(to="sip:a@b.example")
        )


async def test_the_edge_that_gets_the_call_knows_its_line(bus: TestBus, settings: Settings) -> None:
    dialler = _dialler(bus, _Carrier(), _Carrier())
    placed = await dialler.place(CallRequest(to="sip:a@b.example", line="sip:clinic", variables={"name": "Ann"}))
    parties = Parties(placed.call, "CA1", to_number="sip:a@b.example", direction="outbound")
    found = await DialRequests(bus.bus, settings.dial_key_s).complete(parties)
    assert (found.line, found.variables) == ("sip:clinic", {"name": "Ann"})


@pytest.mark.parametrize(
    ("to", "status"),
    [
        ("sip:ann@pbx.example.com", 201),
        ("sip:ann@PBX.example.com", 201),
        ("sip:ann@pbx.example.com.evil.example", 403),
        ("sip:+15550001@other.example", 403),
        ("sip:ann", 422),
    ],
)
async def test_over_http_only_the_hosts_of_the_settings_are_called(
    bus: TestBus, settings: Settings, monkeypatch: pytest.MonkeyPatch, to: str, status: int
) -> None:
    async with edge_that_dials(bus, settings, sip=True, dial_prefixes="+1555, @pbx.example.com") as (running, carrier):
        gateway = _Carrier()
        monkeypatch.setattr(running.edge.carriers[-1], "place_call", gateway.place_call)
        assert (await order(running, {"to": to})).status_code == status
        assert (gateway.placed, carrier.orders) == ([(to, "")] if status == 201 else [], [])


# -- how far a call is


async def state(bus: TestBus, settings: Settings, key: str, now: float = 0.0) -> tuple[str, str] | None:
    found = await find_placed(bus.bus, settings, key, now)
    return None if found is None else (found.state, found.outcome)


async def test_a_placed_call_is_queued_dialling_answered_and_ended(bus: TestBus, settings: Settings) -> None:
    requests, call = DialRequests(bus.bus, 3600), bus.call()
    asked = DialRequest(asked="x", call=call, at=0.0)
    await requests.begin("order 7", asked)
    assert await state(bus, settings, "order 7") == ("queued", "")
    placed = DialRequest(asked="x", call=call, at=0.0, state="placed", provider_call="CA1")
    await requests.end("order 7", placed)
    await requests.note(placed)
    for key in ("order 7", call):
        assert await state(bus, settings, key) == ("dialling", "")
    await bus.publish(CallAnswered(call=call, by="human"), CallStarted(call=call, direction="outbound"))
    assert await state(bus, settings, call) == ("answered", "")
    await bus.publish(CallEnded(call=call, reason="caller_hung_up"))
    assert await state(bus, settings, "order 7") == ("ended", "answered")


async def test_a_call_of_which_nothing_is_heard_has_ended_unknown(bus: TestBus, settings: Settings) -> None:
    requests, call = DialRequests(bus.bus, 3600), bus.call()
    await requests.note(DialRequest(asked="x", call=call, at=0.0, state="unknown"))
    assert await state(bus, settings, call, now=5.0) == ("dialling", "")
    assert await state(bus, settings, call, now=settings.ring_s + 100.0) == ("ended", "unknown")


@pytest.mark.parametrize("reason", ["busy", "no_answer", "failed"])
async def test_a_call_that_nobody_takes_ends_with_its_outcome(bus: TestBus, settings: Settings, reason: Any) -> None:
    requests, call = DialRequests(bus.bus, 3600), bus.call()
    await requests.note(DialRequest(asked="x", call=call, at=0.0, state="placed"))
    await bus.publish(CallEnded(call=call, reason=reason))
    assert await state(bus, settings, call) == ("ended", reason)


@pytest.mark.parametrize("key", ["", "nobody's", "07-0199", "99-x", "../calls", "\u0661"])
async def test_what_was_not_placed_has_no_state(bus: TestBus, settings: Settings, key: str) -> None:
    assert await state(bus, settings, key) is None


async def test_the_state_is_told_to_both_tokens_and_to_nobody_else(bus: TestBus, settings: Settings) -> None:
    async with edge_that_dials(bus, settings) as (running, _):
        placed = (await order(running, {"to": "+15550001", "idempotency_key": "order 7"})).json()
        expected = {**placed, "state": "dialling"}
        async with httpx.AsyncClient(base_url=running.url) as http:
            for token in (DIAL, READ):
                for key in ("order 7", placed["call"]):
                    answer = await http.get(f"/calls/{key}", headers=token)
                    assert (answer.status_code, answer.json()) == (200, expected)
            assert (await http.get("/calls/order 8", headers=DIAL)).status_code == 404
            assert (await http.get(f"/calls/{placed['call']}")).status_code == 401
            assert (await http.get("/calls", headers=DIAL)).status_code == 401


async def test_a_call_that_was_refused_has_no_state(bus: TestBus, settings: Settings) -> None:
    dialler = _dialler(bus, _Carrier(CarrierError("no")), None)
    with pytest.raises(DialRefusedError):
        await dialler.place(CallRequest(to="+15550001", idempotency_key="order 7"))
    assert await state(bus, settings, "order 7") is None


def test_whoever_was_connected_has_been_reached() -> None:
    assert outcome_of(CallRecord(started_at=1.0, end_reason="failed")) == "answered"
    assert outcome_of(CallRecord(started_at=1.0, screening="declined")) == "screened"
    assert outcome_of(CallRecord(answered_by="fax")) == "machine"
