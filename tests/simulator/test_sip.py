import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from orchestra.errors import RejectedError, UsageError
from orchestra.simulator import PhoneLine, SipCaller
from orchestra.simulator.sip import Faults, HeardPacket, Leg, Request, Telephone, parse_message
from orchestra.simulator.sip.messages import host_of, split_stream, user_of
from orchestra.simulator.sip.sdp import parse_sdp, write_sdp
from orchestra.simulator.sip_caller import _Stream
from orchestra.voice.audio import mulaw
from tests.voice.edges import tone

FRAME = mulaw.encode(tone(0.02))
SILENT = bytes([mulaw.SILENCE]) * 160
PATIENCE_S = 30.0


class Answering:
    """A telephone that takes every call."""

    def __init__(self, **options: object) -> None:
        self.calls: list[Leg] = []
        self.phone = Telephone(user="bob", on_call=self._take, **options)  # type: ignore[arg-type]

    async def _take(self, leg: Leg) -> None:
        self.calls.append(leg)
        await leg.answer()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - datagrams and responses, which nobody announces
            await asyncio.sleep(0.01)


@asynccontextmanager
async def telephones(*transports: str) -> AsyncIterator[tuple[Answering, ...]]:
    async with AsyncExitStack() as stack:
        opened = [Answering(transport=transport) for transport in transports]
        for each in opened:
            await stack.enter_async_context(each.phone)
        yield tuple(opened)
        assert [complaint for each in opened for complaint in each.phone.complaints] == []


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_call_is_answered_and_heard_both_ways(transport: str) -> None:
    async with telephones(transport, "udp") as (ann, bob):
        leg = await ann.phone.call(f"{bob.phone.uri};transport={transport}", [("x-campaign", "spring")])
        (other,) = bob.calls
        await leg.rtp.send_audio(FRAME)
        await other.rtp.send_audio(FRAME)
        await until(lambda: leg.rtp.heard and other.rtp.heard)
        assert (leg.status, leg.rtp.heard[0].payload, other.rtp.heard[0].payload) == (200, FRAME, FRAME)
        assert other.first is not None
        assert (other.first.get("x-campaign"), user_of(other.target)) == ("spring", "bob")
        assert 0 <= other.rtp.heard[0].at_s - leg.rtp.sent_s < PATIENCE_S
        await other.hang_up()
        await leg.wait_ended()
        assert (leg.end, other.end) == ("peer_hung_up", "hung_up")


async def test_keys_are_pressed_in_the_audio() -> None:
    async with telephones("udp", "udp") as (ann, bob):
        leg = await ann.phone.call(bob.phone.uri)
        for key in "5#":
            leg.rtp.press(key)
        while leg.rtp.pressing:
            await leg.rtp.send_audio(FRAME)
        await until(lambda: len(bob.calls[0].rtp.keys) == 2)
        assert [(each.key, each.samples) for each in bob.calls[0].rtp.keys] == [("5", 960), ("#", 960)]


async def test_a_hold_and_its_end_are_seen_by_the_other_side() -> None:
    async with telephones("udp", "udp") as (ann, bob):
        leg = await ann.phone.call(bob.phone.uri)
        (other,) = bob.calls
        assert (await leg.hold(), other.held, other.sends) == (200, True, False)
        assert (await other.hold(), leg.held) == (200, True)
        assert (await leg.resume(), leg.held) == (200, True)  # the other still holds
        assert (await other.resume(), other.held, leg.held) == (200, False, False)


async def test_a_busy_telephone_refuses_and_a_call_that_rings_can_be_given_up() -> None:
    async with telephones("udp", "udp") as (ann, bob):
        bob.phone._on_call = None
        assert (await ann.phone.call(bob.phone.uri)).status == 486
        rung: list[Leg] = []

        async def ring(leg: Leg) -> None:
            rung.append(leg)

        bob.phone._on_call = ring
        leg = ann.phone.new_leg(bob.phone.uri)
        inviting = asyncio.create_task(leg.invite([]))
        await until(lambda: rung)
        assert (await leg.hang_up(), await inviting, rung[0].end) == (200, 487, "peer_hung_up")


async def test_a_call_is_transferred_to_a_third_telephone() -> None:
    async with telephones("udp", "udp", "udp") as (ann, bob, carol):
        leg = await ann.phone.call(bob.phone.uri)
        assert await bob.calls[0].transfer(carol.phone.uri) == 200
        assert leg.transferred is not None
        await bob.calls[0].hang_up()
        assert (leg.transferred.end, carol.calls[0].end, leg.end) == ("", "", "peer_hung_up")


async def test_a_transfer_to_nobody_leaves_the_call() -> None:
    async with telephones("udp", "udp", "udp") as (ann, bob, carol):
        carol.phone._on_call = None
        leg = await ann.phone.call(bob.phone.uri)
        assert await bob.calls[0].transfer(carol.phone.uri) == 486
        assert (leg.transferred, leg.end) == (None, "")


async def test_an_attended_transfer_connects_the_two_others() -> None:
    async with telephones("udp", "udp", "udp") as (ann, bob, carol):
        leg = await ann.phone.call(bob.phone.uri)
        consult = await bob.phone.call(carol.phone.uri)
        assert await bob.calls[0].transfer_to(consult) == 200
        await consult.wait_ended()
        assert leg.transferred is not None
        replaced = carol.calls[0].transferred
        assert replaced is not None
        assert (replaced.call_id, consult.end) == (leg.transferred.call_id, "peer_hung_up")


async def test_lost_and_swapped_packets_are_seen_by_their_numbers() -> None:
    async with telephones("udp", "udp") as (ann, bob):
        leg = await ann.phone.call(bob.phone.uri, faults=Faults(lost=0.3, swap_every=7, payload_type=96))
        for _ in range(60):
            await leg.rtp.send_audio(FRAME)
        heard = bob.calls[0].rtp.heard
        await until(lambda: len(heard) > 30)
        numbers = [packet.sequence for packet in heard]
        assert numbers != sorted(numbers) or numbers[0] > 65_400
        assert {packet.payload_type for packet in heard} == {96}
        assert bob.calls[0].rtp.lost > 0


async def test_an_answer_that_is_not_acknowledged_is_repeated() -> None:
    async with telephones("udp", "udp") as (ann, bob):
        leg = await ann.phone.call(bob.phone.uri, faults=Faults(ack_after_s=0.7))
        await until(bob.calls[0]._acknowledged.is_set)
        assert (leg.end, bob.calls[0].end) == ("", "")


async def test_nobody_there_is_said() -> None:
    async with Telephone() as gone:
        target = f"{gone.uri};transport=tcp"
    with pytest.raises(UsageError, match="no SIP gateway answers"):
        await SipCaller(target).call(PhoneLine(), talk_for_nothing)


async def talk_for_nothing(line: PhoneLine) -> None:
    del line


async def test_a_caller_hears_the_other_side_and_is_heard() -> None:
    async with telephones("udp") as (bob,):

        async def talk(line: PhoneLine) -> None:
            await until(lambda: bob.calls)
            (leg,) = bob.calls
            line.say(tone(0.2))
            for _ in range(10):
                await leg.rtp.send_audio(FRAME)
                await line.until(lambda: False, 0.02)
            await line.until(lambda: line.agent_audible_s >= 0.19, PATIENCE_S)
            await line.press("7")
            await line.until(lambda: bool(leg.rtp.keys), PATIENCE_S)

        line = PhoneLine()
        outcome = await SipCaller(bob.phone.uri).call(line, talk)
        assert outcome.how == "caller_hung_up"
        assert sum(packet.payload != SILENT for packet in bob.calls[0].rtp.heard) == 10
        assert line.agent_audible_s == pytest.approx(0.2, abs=0.05)


async def test_a_caller_whose_other_side_hangs_up_or_refuses_says_so() -> None:
    async with telephones("udp") as (bob,):

        async def talk(line: PhoneLine) -> None:
            await bob.calls[0].hang_up()
            await line.until(lambda: False, PATIENCE_S)

        assert (await SipCaller(bob.phone.uri).call(PhoneLine(), talk)).how == "agent_hung_up"
        bob.phone._on_call = None
        assert (await SipCaller(bob.phone.uri).call(PhoneLine(), talk)).how == "refused"


def test_a_late_packet_is_not_played() -> None:
    class Line:
        played = b""

        def __len__(self) -> int:
            return 0

        def put(self, audio: bytes) -> None:
            self.played += audio

    line, leg = Line(), object()
    line.playout = line  # type: ignore[attr-defined]
    stream = _Stream(leg, line)  # type: ignore[arg-type]
    for number in (65_535, 0, 65_534, 2):
        stream.heard(leg, HeardPacket(0.0, number, 0, 0, bytes([number % 256]) * 160))  # type: ignore[arg-type]
    silence = bytes([mulaw.SILENCE])
    assert line.played == b"\xff" * 160 + b"\0" * 160 + silence * 160 + b"\2" * 160


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello\r\n\r\n",
        b"INVITE sip:a@b SIP/2.0\r\nVia: x\r\n\r\n",
        b"\xff\xfe\r\n\r\n",
        b"INVITE sip:a@b SIP/3.0\r\nv: x\r\nf: x\r\nt: x\r\ni: x\r\nCSeq: 1 INVITE\r\n\r\n",
        b"INVITE sip:a@b SIP/2.0\r\nv: x\r\nf: x\r\nt: x\r\ni: x\r\nCSeq: one INVITE\r\n\r\n",
        b"INVITE sip:a@b SIP/2.0\r\nv: x\r\nf: x\r\nt: x\r\ni: x\r\nCSeq: 1 BYE\r\n\r\n",
        b"INVITE sip:a@b SIP/2.0\r\nv: x\r\nf: x\r\nt: x\r\ni: x\r\nl: 7\r\nCSeq: 1 INVITE\r\n\r\n",
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(RejectedError):
        parse_message(data)


def test_a_message_is_read_with_its_compact_headers_and_written_out() -> None:
    head = b"INVITE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1\r\nf: <sip:x@y>;tag=1\r\nt: <sip:a@b>\r\n"
    text = head + b"i: 7\r\nCSeq: 4 INVITE\r\n\r\n"
    message = parse_message(text)
    assert isinstance(message, Request)
    assert (message.method, message.branch, message.call_id, message.cseq) == ("INVITE", "z9hG4bK1", "7", 4)
    again = parse_message(message.encode())
    assert again == message
    assert b"Call-ID: 7\r\n" in message.encode()


def test_messages_are_cut_from_a_stream() -> None:
    one = b"OPTIONS sip:a@b SIP/2.0\r\nl: 3\r\n\r\nabc"
    buffer = bytearray(b"\r\n\r\n" + one + one[:20])
    assert list(split_stream(buffer)) == [one]
    assert bytes(buffer) == one[:20]
    with pytest.raises(RejectedError, match="Content-Length"):
        list(split_stream(bytearray(b"OPTIONS sip:a@b SIP/2.0\r\n\r\n")))


def test_a_session_description_is_read_as_it_was_written() -> None:
    media = parse_sdp(write_sdp("127.0.0.1", 4000, version=3, direction="sendonly"))
    assert (media.host, media.port, media.payload_types, media.keys, media.direction) == (
        "127.0.0.1",
        4000,
        (0, 101),
        101,
        "sendonly",
    )
    for body in ("", "v=0\r\nm=video 1 RTP/AVP 0\r\n", "v=0\r\no=- 1 x IN IP4 h\r\nm=audio 1 RTP/AVP 0\r\n"):
        with pytest.raises(RejectedError):
            parse_sdp(body)


def test_addresses_name_host_port_and_transport() -> None:
    assert host_of("sip:a@[::1]:5070;transport=tcp") == ("::1", 5070, "tcp")
    assert host_of("sips:example.org") == ("example.org", 5061, "udp")
    with pytest.raises(RejectedError):
        host_of("tel:+15550100")
