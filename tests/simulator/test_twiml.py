import pytest

from orchestra.errors import RejectedError
from orchestra.simulator.twiml import ConnectStream, Dial, Hangup, Pause, Say, Verb, parse_twiml

CONNECT = """
<Connect action="/next?a=1&amp;b=2"><Stream url="wss://e/s">
  <Parameter name="token" value="a&lt;b"/><Parameter name="call" value="07-x"/>
</Stream></Connect>"""


@pytest.mark.parametrize(
    ("document", "verbs"),
    [
        (
            f"""<?xml version="1.0" encoding="UTF-8"?><Response>{CONNECT}</Response>""",
            [ConnectStream("wss://e/s", {"token": "a<b", "call": "07-x"}, "/next?a=1&b=2")],
        ),
        ("<Response><Dial>+15550002</Dial></Response>", [Dial("+15550002")]),
        ('<Response><Dial callerId="x"><Sip>sip:a@b</Sip></Dial></Response>', [Dial("sip:a@b")]),
        ("<Response><Say>Busy.</Say><Pause/><Hangup/></Response>", [Say("Busy."), Pause(1.0), Hangup()]),
        ("<Response/>", []),
    ],
)
def test_the_verbs_of_a_document_are_read_in_order(document: str, verbs: list[Verb]) -> None:
    assert parse_twiml(document) == verbs


@pytest.mark.parametrize(
    "document",
    ["", "Internal Server Error", "<html/>", "<Response><Connect/></Response>", "<Response><Sing/></Response>"],
)
def test_a_document_that_is_not_twiml_is_rejected(document: str) -> None:
    with pytest.raises(RejectedError, match="edge"):
        parse_twiml(document)
