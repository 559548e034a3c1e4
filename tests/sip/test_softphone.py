"""A telephone that nobody here wrote, Debian's baresip, calls through the gateway and is called by it."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from orchestra.settings import Settings
from orchestra.simulator.audio_measure import find_sounds
from orchestra.testing import TestBus
from orchestra.voice.audio.mulaw import Samples
from orchestra_schemas import (
    AudioChunk,
    CallEnded,
    CallEndRequested,
    CallStarted,
    DigitPressed,
    ReplySpoken,
    TurnCompleted,
    UserTurnEnded,
)
from tests.servers.baresip import Softphone
from tests.sip.sip_line import sip_line
from tests.voice.edges import Greeting, tone

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("baresip") is None, reason="Debian's baresip is not installed"),
]

#: it speaks for a moment after the greeting, then listens
SAYS = np.concatenate([np.zeros(8_000 * 3, np.int16), tone(0.6), np.zeros(8_000 * 60, np.int16)])
GREETING = Greeting(greeting="One two three four five.")


def audible_s(heard: Samples) -> float:
    return sum(sound.end_s - sound.start_s for sound in find_sounds(heard))


def make_certificate(folder: Path) -> Path:
    """A file with a key and a certificate of this machine."""
    certify = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    subprocess.run([*certify, "-keyout", folder / "key", "-out", folder / "crt"], check=True, capture_output=True)
    both = folder / "certificate.pem"
    both.write_bytes((folder / "key").read_bytes() + (folder / "crt").read_bytes())
    return both


async def test_it_hears_the_greeting_and_the_answer_and_hangs_up(bus: TestBus, settings: Settings) -> None:
    async with sip_line(bus, settings, "where is it", app=GREETING) as line, Softphone(SAYS) as phone:
        await phone.command("dial", line.target("help"))
        which = (await line.edge.event(UserTurnEnded, turn=1)).call
        before = audible_s(phone.heard())
        await line.answer(which, "In a lorry.")
        await line.edge.event(ReplySpoken, turn=1)
        await phone.until(lambda: audible_s(phone.heard()) - before > 0.25)
        assert before == pytest.approx(0.5, abs=0.1)
        await phone.command("hangup")
        assert (await line.edge.event(CallEnded)).reason == "caller_hung_up"
        assert (await line.edge.event(CallStarted)).from_number == "+15551234"


async def test_its_keys_are_heard_and_a_hold_ends_as_it_began(bus: TestBus, settings: Settings) -> None:
    async with sip_line(bus, settings, app=GREETING) as line, Softphone(tone(30.0)) as phone:
        await phone.command("dial", line.target())
        await line.edge.event(CallStarted)
        await phone.press("5#0")
        await line.edge.event(DigitPressed, digit="0")
        await phone.command("hold")
        await phone.command("resume")
        await phone.press("9")
        await line.edge.event(DigitPressed, digit="9")
        await phone.command("hangup")
        await line.edge.event(CallEnded)
    assert "".join([event.digit for event in await bus.published(DigitPressed)]) == "5#09"


async def test_an_agent_hangs_up_on_it(bus: TestBus, settings: Settings) -> None:
    async with sip_line(bus, settings, "good bye", app=GREETING) as line, Softphone(SAYS) as phone:
        await phone.command("dial", line.target())
        which = (await line.edge.event(UserTurnEnded, turn=1)).call
        await bus.publish(CallEndRequested(call=which, turn=1), TurnCompleted(call=which, turn=1, agent="a"))
        await phone.event("CALL_CLOSED")
        assert (await line.edge.event(CallEnded)).reason == "agent_hung_up"


async def test_a_wideband_call_is_carried_at_16_khz(bus: TestBus, settings: Settings) -> None:
    async with (
        sip_line(bus, settings, "clear as a bell", app=GREETING) as line,
        Softphone(np.repeat(SAYS, 2), codecs="g722/16000/1,pcmu", rate=16_000) as phone,
    ):
        await phone.command("dial", line.target())
        await line.edge.event(UserTurnEnded, turn=1)
        await phone.command("hangup")
        await line.edge.event(CallEnded)
        assert audible_s(phone.heard()[::2]) == pytest.approx(0.5, abs=0.1)
    assert {chunk.sample_rate for chunk in await bus.published(AudioChunk)} == {16_000}


async def test_a_call_over_tls_has_encrypted_audio(bus: TestBus, settings: Settings, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    secure = {"sip_certificate": certificate, "sip_srtp": "required"}
    async with (
        sip_line(bus, settings, "a secret", app=GREETING, **secure) as line,
        Softphone(SAYS, account=";regint=0;mediaenc=srtp-mand", config=f"sip_certificate {certificate}\n") as phone,
        Softphone(SAYS, config=f"sip_certificate {certificate}\n") as plain,
    ):
        await plain.command("dial", line.target(transport="tls"))
        await plain.event("CALL_CLOSED")
        await phone.command("dial", line.target(transport="tls"))
        await line.edge.event(UserTurnEnded, turn=1)
        assert audible_s(phone.heard()) == pytest.approx(0.5, abs=0.1)
        await phone.command("hangup")
        await line.edge.event(CallEnded)
    assert len(await bus.published(CallStarted)) == 1


async def test_a_softphone_whose_gateway_is_gone_ends_the_call_itself(bus: TestBus, settings: Settings) -> None:
    async with (
        sip_line(bus, settings, edge={"reconnect_s": 2}) as line,
        Softphone(config="rtp_timeout 3\n") as phone,
    ):
        await phone.command("dial", line.target())
        await line.edge.event(CallStarted)
        line.gateway.process.kill()
        await asyncio.gather(phone.event("CALL_CLOSED"), line.edge.event(CallEnded))
