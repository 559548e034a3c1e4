"""What operators ask the console to do to a running call: one event each, or a sentence that says why not."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio
from msgspec.structs import replace

from orchestra.console.steering.targets import Targets, TransferTargets
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import (
    AppChanged,
    CallEnded,
    CallEndRequested,
    CallStarted,
    CallTransferRequested,
    Event,
    OperatorHandedBack,
    OperatorPassedOn,
    OperatorSaid,
    OperatorTookOver,
    OperatorWhispered,
)
from tests.console.consoles import as_operator, console_app, console_settings

REQUEST = "0123456789abcdef"


@dataclass
class Asking:
    """A program with a token that asks the console about one running call."""

    http: httpx.AsyncClient
    bus: TestBus
    call: str

    async def ask(self, act: str, role: str = "operate", call: str = "", **fields: Any) -> httpx.Response:
        return await self.http.post(
            f"/api/calls/{call or self.call}/{act}",
            json={"request": REQUEST, **fields},
            headers=as_operator(role),
        )

    async def on_journal(self) -> list[Event]:
        return [event for event in await self.bus.published(call=self.call) if not isinstance(event, CallStarted)]


@pytest_asyncio.fixture
async def asking(bus: TestBus, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Asking]:
    async def known(_: TransferTargets) -> Targets:
        return Targets(people=("+15550199",), agents={"demo": ("desk", "claims"), "bank": ("teller",)})

    monkeypatch.setattr(TransferTargets, "get", known)
    call = bus.call()
    await bus.publish(CallStarted(call=call, app="demo"))
    async with console_app(console_settings(settings)) as console:
        yield Asking(console.http, bus, call)


@pytest.mark.parametrize(
    ("act", "fields", "kind", "expected"),
    [
        ("say", {"text": " One moment.\n"}, OperatorSaid, {"text": "One moment."}),
        ("whisper", {"note": "Offer a refund."}, OperatorWhispered, {"note": "Offer a refund."}),
        ("end", {"reason": "abuse"}, CallEndRequested, {"reason": "abuse"}),
        ("transfer", {"agent": "claims"}, OperatorPassedOn, {"agent": "claims", "app": "", "briefing": ""}),
        ("transfer", {"app": "bank", "briefing": "Rich."}, OperatorPassedOn, {"app": "bank", "briefing": "Rich."}),
        ("transfer", {"target": "+15550100"}, CallTransferRequested, {"target": "+15550100", "briefing": ""}),
        (
            "transfer",
            {"target": "sip:help@example.com", "briefing": "Angry."},
            CallTransferRequested,
            {"target": "sip:help@example.com", "briefing": "Angry."},
        ),
    ],
)
async def test_each_act_is_one_event_that_names_the_operator(
    asking: Asking, act: str, fields: dict[str, str], kind: type[Event], expected: dict[str, str]
) -> None:
    answer = await asking.ask(act, **fields)
    assert (answer.status_code, answer.json()) == (200, {"done": True, "repeated": False})
    (event,) = await asking.on_journal()
    assert type(event) is kind
    assert {name: getattr(event, name) for name in expected} == expected
    assert getattr(event, "operator") == "operator"  # noqa: B009 - some kinds of events have none
    assert event.source == "console"


async def test_a_page_that_got_no_answer_may_ask_again(asking: Asking) -> None:
    answers = [(await asking.ask("say", text="Hello.")).json() for _ in range(3)]
    assert [answer["repeated"] for answer in answers] == [False, True, True]
    assert len(await asking.on_journal()) == 1


async def test_passing_on_may_be_asked_again_though_the_app_has_the_call_by_then(asking: Asking) -> None:
    first = await asking.ask("transfer", app="bank")
    await asking.bus.publish(AppChanged(call=asking.call, app="bank", agent="teller", operator="operator"))
    again = await asking.ask("transfer", app="bank")
    assert (first.json()["repeated"], again.json()["repeated"]) == (False, True)
    targets = await asking.http.get(f"/api/calls/{asking.call}/transfer-targets", headers=as_operator("operate"))
    assert targets.json() == {"people": ["+15550199"], "agents": ["teller"], "apps": ["demo"]}


async def test_handing_back_may_be_asked_again_though_nobody_has_the_call_by_then(asking: Asking) -> None:
    await asking.bus.publish(OperatorTookOver(call=asking.call, operator="operator"))
    answers = [await asking.ask("hand-back", note="A refund of 5.") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [event.note for event in await asking.bus.published(OperatorHandedBack)] == ["A refund of 5."]


@pytest.mark.parametrize(
    ("act", "fields", "journal", "error"),
    [
        ("say", {"text": "Hello."}, [CallEnded(call="", reason="failed")], "the call is over"),
        ("end", {}, [CallEnded(call="", reason="failed")], "the call is over"),
        ("hand-back", {"note": ""}, [], "nobody has taken the call over"),
        ("hand-back", {"note": ""}, [OperatorTookOver(call="", operator="ben")], "ben has taken the call over"),
        ("say", {"text": "Hello."}, [OperatorTookOver(call="", operator="ben")], "ben has taken the call over"),
        ("end", {}, [OperatorTookOver(call="", operator="ben")], "ben has taken the call over"),
    ],
)
async def test_what_cannot_be_done_now_is_refused_with_the_reason(
    asking: Asking, act: str, fields: dict[str, str], journal: list[Event], error: str
) -> None:
    for event in journal:
        await asking.bus.publish(replace(event, call=asking.call))
    before = len(await asking.on_journal())
    answer = await asking.ask(act, **fields)
    assert (answer.status_code, error in answer.json()["error"]) == (409, True)
    assert len(await asking.on_journal()) == before


@pytest.mark.parametrize(
    ("act", "fields", "error"),
    [
        ("say", {"text": "  \n"}, "the text is empty"),
        ("say", {"text": "x" * 1001}, "1001 characters are too many"),
        ("say", {}, "text"),
        ("whisper", {"note": ""}, "the note is empty"),
        ("whisper", {"note": 5}, "note"),
        ("transfer", {"target": "the boss"}, "write a number"),
        ("transfer", {"target": ""}, "write a number"),
        ("transfer", {"agent": "teller"}, "the app 'demo' has no agent 'teller'"),
        ("transfer", {"app": "demo"}, "there is no other app 'demo'"),
        ("transfer", {"app": "zoo"}, "there is no other app 'zoo'"),
        ("transfer", {"agent": "claims", "app": "bank"}, "to one of them"),
        ("say", {"text": "Hi.", "voice": "x"}, "voice"),
        ("say", {"text": "Hi.", "request": "../../x"}, "request"),
        ("say", {"text": "Hi.", "request": ""}, "request"),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused_with_the_reason(
    asking: Asking, act: str, fields: dict[str, Any], error: str
) -> None:
    answer = await asking.ask(act, **fields)
    assert (answer.status_code, error in answer.json()["error"]) == (400, True), answer.text
    assert await asking.on_journal() == []


@pytest.mark.parametrize(("call", "status"), [("99-nobody", 404), ("nonsense", 400), ("00-", 400)])
async def test_a_call_that_is_none_is_refused(asking: Asking, call: str, status: int) -> None:
    assert (await asking.ask("say", call=call, text="Hello.")).status_code == status


@pytest.mark.parametrize("act", ["say", "whisper", "hand-back", "transfer", "end"])
async def test_who_may_only_look_does_nothing(asking: Asking, act: str) -> None:
    answer = await asking.ask(act, "read", text="x", note="x", target="+15550100")
    assert answer.status_code == 403
    assert await asking.on_journal() == []


async def test_control_characters_do_not_reach_the_voice(asking: Asking) -> None:
    await asking.ask("say", text="a\x1b[31mb\x00c")
    (event,) = await asking.on_journal()
    assert isinstance(event, OperatorSaid)
    assert event.text == "a [31mb c"
