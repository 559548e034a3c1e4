"""Another carrier is another folder: nothing else knows it."""

from pathlib import Path

import numpy as np
import pytest
from websockets.asyncio.client import connect

from orchestra.errors import SettingError
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra.voice import carriers
from orchestra.voice.carriers.registry import carrier_names, open_carrier
from orchestra_schemas import CallEnded, CallStarted, DigitPressed, ReplySpoken
from tests.voice.edges import running_edge


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carriers, "__path__", [*carriers.__path__, str(Path(__file__).parent)])


@pytest.mark.usefixtures("bare")
async def test_a_call_comes_by_the_carrier_that_the_settings_name(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, carrier="bare") as running:
        loudest = 0
        async with connect(running.url.replace("http", "ws") + "/bare/call", proxy=None) as socket:
            async for message in socket:
                if isinstance(message, bytes):
                    loudest = max(loudest, int(np.abs(np.frombuffer(message, np.int16)).max()))
                else:
                    await socket.send(message)  # the mark after the greeting
                    break
            await socket.send("digit 5")
            await running.event(DigitPressed, digit="5")
        ended = await running.event(CallEnded)
        assert loudest > 1000
        assert (ended.reason, (await running.event(CallStarted)).provider_call) == ("caller_hung_up", "B1")
        assert (await running.event(ReplySpoken)).text == "Hello there."


@pytest.mark.usefixtures("bare")
def test_each_folder_is_a_carrier() -> None:
    assert carrier_names() == ["bare", "browser", "plivo", "sip", "telnyx", "twilio", "vonage"]


def test_a_carrier_without_a_folder_is_refused(settings: Settings) -> None:
    with pytest.raises(
        SettingError, match="ORCHESTRA_CARRIER is 'nobody': set one of browser, plivo, sip, telnyx, twilio, vonage"
    ):
        open_carrier(settings.model_copy(update={"carrier": "nobody"}))
