"""A caller waits for the person of a transfer: what they hear by each carrier, and the extension that is pressed."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import numpy as np
import pytest
from twilio.request_validator import RequestValidator

from orchestra.errors import JournalUnavailableError
from orchestra.history.ending import Transfer
from orchestra.settings import Settings
from orchestra.simulator import (
    Caller,
    CallOutcome,
    PhoneLine,
    PlivoCaller,
    TelnyxCaller,
    TelnyxNetwork,
    TransferTarget,
    VonageCaller,
)
from orchestra.simulator.twilio_rest import TwilioRestServer
from orchestra.testing import TestBus
from orchestra.voice.carriers.plivo.documents import Documents
from orchestra.voice.carriers.public_url import PublicUrl
from orchestra.voice.carriers.twilio import twiml
from orchestra.voice.carriers.twilio.webhooks import TwimlDocuments
from orchestra.voice.carriers.vonage import ncco
from orchestra.voice.carriers.vonage.addresses import Addresses, CallState
from orchestra.voice.edge.call_control import EdgeCallControl
from orchestra_schemas import (
    CallEnded,
    CallStarted,
    CallTransferRequested,
    ReplySpoken,
    TransferAccepted,
    TransferFailed,
    TurnCompleted,
    UserTurnEnded,
)
from tests.voice.edges import AUTH_TOKEN, RunningEdge, running_edge, tone

# the twilio package signs in by what aiohttp is about to drop
pytestmark = [
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated:DeprecationWarning"),
]

CALL = "07-0199"
SITE = "https://voice.example.com"
PUBLIC = PublicUrl(SITE)
SECRET = "s" * 40
ACCOUNT = "AC" + "1" * 32
MUSIC = Transfer("+15550003", hold_music="/hold-music/a.wav")


def twilio(*, queues: bool) -> TwimlDocuments:
    return TwimlDocuments(PUBLIC, 30, None, queues=queues)


def plivo() -> Documents:
    return Documents(PUBLIC, ring_s=30, audio="mulaw", app="test")


def test_with_twilio_a_caller_waits_in_a_queue_of_their_own() -> None:
    document = twilio(queues=True).dial(MUSIC, CALL, stream=2)
    assert f'waitUrl="{SITE}/twilio/hold?call={CALL}&amp;stream=2"' in document
    assert f">{CALL}</Enqueue>" in document
    document = twiml.music_twiml(PUBLIC.at(MUSIC.hold_music), f"{SITE}/twilio/hold")
    assert f'<Play>{SITE}/hold-music/a.wav</Play><Redirect method="POST">{SITE}/twilio/hold</Redirect>' in document


@pytest.mark.parametrize(
    ("queues", "transfer"), [(False, MUSIC), (True, Transfer("+15550003"))], ids=["no account", "no music"]
)
def test_with_twilio_a_caller_hears_the_ringing_tone_otherwise(queues: bool, transfer: Transfer) -> None:
    assert "<Dial" in twilio(queues=queues).dial(transfer, CALL, stream=0)


def test_plivo_asks_for_the_music_that_vonage_is_given() -> None:
    assert f'dialMusic="{SITE}/plivo/hold-music?call={CALL}"' in plivo().dial(MUSIC, CALL)
    assert f'<Play loop="0">{SITE}/hold-music/a.wav</Play>' in plivo().hold_music(MUSIC)
    addresses = Addresses.signed_with(b"k" * 32, SITE)
    connect = ncco.transfer(MUSIC, CallState(CALL), addresses, caller_id="", ring_s=30)[0]
    assert connect["ringbackTone"] == f"{SITE}/hold-music/a.wav"


@pytest.mark.parametrize(
    ("extension", "pressed"), [(",,204#", "wwwwwwww204#"), (",0", "wwww0"), (",1,2", "wwww1wwww2")]
)
def test_every_carrier_that_writes_documents_presses_the_extension(extension: str, pressed: str) -> None:
    transfer = Transfer(f"+15550123{extension}")
    for document in (twilio(queues=True).dial(transfer, CALL, stream=0), plivo().dial(transfer, CALL)):
        assert f'sendDigits="{pressed}"' in document
        assert ">+15550123</Number>" in document
    endpoint = ncco.transfer(
        transfer, CallState(CALL), Addresses.signed_with(b"k" * 32, SITE), caller_id="", ring_s=30
    )[0]["endpoint"]
    assert (endpoint[0]["number"], endpoint[0]["dtmfAnswer"]) == ("15550123", pressed.replace("w", "p"))


def test_a_number_without_an_extension_has_none_pressed() -> None:
    assert "sendDigits" not in plivo().dial(Transfer("+15550123"), CALL)
    assert "sendDigits" not in twilio(queues=False).dial(Transfer("sip:a@b.example"), CALL, stream=0)


# -- calls

#: makes a caller of the running edge, with this person
MakeCaller = Callable[[RunningEdge, TransferTarget], Any]


@asynccontextmanager
async def line_of(carrier: str) -> AsyncIterator[tuple[dict[str, Any], MakeCaller]]:
    """The settings of an edge for this carrier, and its caller."""
    async with AsyncExitStack() as stack:
        match carrier:
            case "twilio":
                callers: list[Caller] = []

                async def ring(order: dict[str, str], sid: str) -> None:
                    await callers[-1].ring_person(order, sid)

                rest = await stack.enter_async_context(TwilioRestServer(ACCOUNT, AUTH_TOKEN, ring))

                def twilio_caller(running: RunningEdge, person: TransferTarget) -> Caller:
                    callers.append(Caller(running.url, AUTH_TOKEN, transfer_target=person, rest=rest))
                    return callers[-1]

                account = {"twilio_account_sid": ACCOUNT, "twilio_number": "+15550100", "twilio_api_url": rest.url}
                yield account, twilio_caller
            case "telnyx":
                network = await stack.enter_async_context(TelnyxNetwork())
                yield (
                    network.settings,
                    lambda running, person: TelnyxCaller(network, running.url, transfer_target=person),
                )
            case "plivo":
                yield (
                    {"carrier": "plivo"},
                    lambda running, person: PlivoCaller(running.url, AUTH_TOKEN, transfer_target=person),
                )
            case _:
                yield (
                    {"carrier": "vonage", "vonage_signature_secret": SECRET},
                    lambda running, person: VonageCaller(running.url, SECRET, transfer_target=person),
                )


async def transferred(
    bus: TestBus, settings: Settings, carrier: str, person: TransferTarget, target: str
) -> tuple[CallOutcome, PhoneLine]:
    async with (
        line_of(carrier) as (account, make),
        running_edge(bus, settings, "a person", hold_music="melody", **account) as running,
    ):

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken, turn=0)
            line.say(tone(0.4))
            call = (await running.event(UserTurnEnded, turn=1)).call
            wanted = CallTransferRequested(call=call, turn=1, target=target, briefing="A parcel is lost.")
            await bus.publish(wanted, TurnCompleted(call=call, turn=1, agent="a"))
            if person.answers:
                await line.until(lambda: False, 90)
            else:
                await running.event(TransferFailed)
                await running.event(ReplySpoken, text="Nobody is there.")

        line = PhoneLine()
        outcome = await make(running, person).call(line, talk)
        await running.event(CallEnded)
        return outcome, line


CARRIERS = ["twilio", "telnyx", "plivo", "vonage"]


@pytest.mark.integration
@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_caller_hears_music_until_the_person_has_the_call(
    bus: TestBus, settings: Settings, carrier: str
) -> None:
    person = TransferTarget(says=tone(0.3))
    outcome, line = await transferred(bus, settings, carrier, person, "+15550003,,20")
    assert (outcome.how, outcome.target) == ("transferred", "+15550003")
    assert len(person.hold_music) == 1
    assert person.connected_s is not None
    assert person.music_s is not None
    began = round(person.music_s * 8000)
    assert np.abs(line.tracks.agent[began : began + 4000]).mean() > 100
    assert person.music_s < person.connected_s
    assert person.extension == {"telnyx": "WWWW20", "vonage": "pppppppp20"}.get(carrier, "wwwwwwww20")
    assert "A parcel is lost." in person.briefed[0]
    assert len(await bus.published(TransferAccepted)) == 1


@pytest.mark.integration
@pytest.mark.parametrize("carrier", CARRIERS)
async def test_the_music_ends_where_nobody_takes_the_call(bus: TestBus, settings: Settings, carrier: str) -> None:
    person = TransferTarget(answers=False)
    outcome, _ = await transferred(bus, settings, carrier, person, "+15550003")
    assert (outcome.how, outcome.streams, len(person.hold_music)) == ("caller_hung_up", 2, 1)
    assert len(await bus.published(TransferFailed)) == 1


async def test_nobody_waits_with_music_for_what_cannot_be_read(
    bus: TestBus, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreadable(_control: EdgeCallControl, _call: str) -> None:
        raise JournalUnavailableError

    monkeypatch.setattr(EdgeCallControl, "_state", unreadable)
    account = {"twilio_account_sid": ACCOUNT, "twilio_number": "+15550100"}
    async with running_edge(bus, settings, hold_music="melody", **account) as running:  # type: ignore[arg-type]
        call = bus.call()
        asked = []
        for path, result in ((f"hold?call={call}", {}), (f"after-dial?call={call}", {"QueueResult": "leave"})):
            url, fields = f"{running.url}/twilio/{path}", {"CallSid": "CA1", "CallStatus": "in-progress", **result}
            signature = RequestValidator(AUTH_TOKEN).compute_signature(url, fields)
            async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
                asked.append((await http.post(url, data=fields, headers={"X-Twilio-Signature": signature})).text)
    assert "<Leave />" in asked[0]
    assert f"/twilio/after-dial?call={call}&amp;tries=1&amp;DialCallStatus=leave</Redirect>" in asked[1]


async def test_the_queue_s_webhooks_act_once_and_only_for_a_call_that_waits(bus: TestBus, settings: Settings) -> None:
    orders: list[str] = []
    rung: list[str] = []

    async def ring(order: dict[str, str], sid: str) -> None:
        orders.append(order["To"])
        rung.append(sid)

    async with TwilioRestServer(ACCOUNT, AUTH_TOKEN, ring) as rest:
        account = {"twilio_account_sid": ACCOUNT, "twilio_number": "+15550100", "twilio_api_url": rest.url}
        async with running_edge(bus, settings, hold_music="melody", **account) as running:  # type: ignore[arg-type]
            waits, other = bus.call(), bus.call()
            wanted = CallTransferRequested(call=waits, turn=1, target="+15550003", briefing="x")
            await bus.publish(CallStarted(call=waits), UserTurnEnded(call=waits, turn=1, text="a person"), wanted)

            async def ask(path: str, *, signed: bool = True, **form: str) -> tuple[int, str]:
                url, fields = f"{running.url}/twilio/{path}", {"CallSid": "CA1", "CallStatus": "in-progress", **form}
                signature = RequestValidator(AUTH_TOKEN).compute_signature(url, fields) if signed else "x"
                async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
                    answer = await http.post(url, data=fields, headers={"X-Twilio-Signature": signature})
                return answer.status_code, answer.text

            assert (await ask(f"hold?call={waits}", signed=False))[0] == 403
            assert "<Leave />" in (await ask(f"hold?call={other}"))[1]
            for _ in range(2):
                document = (await ask(f"hold?call={waits}"))[1]
                assert "<Play>" in document
                assert f"/twilio/hold?call={waits}</Redirect>" in document
            # whose call is over, and whose caller is gone, ends nothing
            assert (await ask(f"person?call={other}&caller=CA9", CallStatus="busy"))[0] == 204
            assert (await ask(f"person?call={waits}&caller=CA9", CallStatus="busy"))[0] == 204
            assert (await ask("hold?call=nonsense"))[1] == (await ask("person?call=nonsense"))[1]
            for gone in (other, waits):  # nobody is rung for the one; for the other the telephone stops ringing
                assert rest.ended == []
                await ask(f"after-dial?call={gone}", CallStatus="completed", QueueResult="hangup")
            assert rest.ended == rung
            assert (await bus.published(CallEnded))[-1].reason == "caller_hung_up"
    assert orders == ["+15550003"]
