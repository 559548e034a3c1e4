import asyncio
from dataclasses import replace

import pytest

from orchestra.errors import RejectedError, UsageError
from orchestra.simulator import Caller, Patience, PhoneLine, ScriptedConversation, Utterance, measure_turns
from orchestra.simulator.audio_measure import find_sounds
from tests.simulator.tone_edge import AUTH_TOKEN, EdgeSocket, ToneEdge, serving, silence, tone

FRAME_S = 0.02
PATIENCE = Patience(quiet_s=0.2, greeting_s=0.5, reply_s=20.0, hang_up_s=0.3)
GREETED = replace(PATIENCE, greeting_s=20.0)
HANG_UP = "<Response><Hangup/></Response>"


@pytest.mark.integration
async def test_latency_measured_from_the_audio_is_the_one_that_the_edge_had() -> None:
    delays_s = (0.3, 1.2)
    line = PhoneLine()
    answered_s: list[float] = []  # on the line's clock: a machine that stands still does so for both sides

    async def answer_late(edge: EdgeSocket) -> None:
        await edge.play(tone(0.3))
        for delay_s in delays_s:
            await edge.until_heard(audible=True)
            await edge.until_heard(audible=False)
            await asyncio.sleep(delay_s)
            answered_s.append(line.now_s)
            await edge.play(tone(0.4))
        await edge.until_hung_up()

    talk = ScriptedConversation([Utterance("one", tone(0.4)), Utterance("two", tone(0.4))], patience=GREETED)
    async with serving(ToneEdge([answer_late])) as edge:
        ending = await Caller(edge.url, AUTH_TOKEN).call(line, talk)
    tracks = line.tracks
    _, *turns = measure_turns(tracks.caller, tracks.agent, talk.said_spans)
    for turn, said, answered, delay_s in zip(turns, talk.said_spans, answered_s, delays_s, strict=True):
        assert turn.response_s == pytest.approx(answered - said.end_s, abs=0.2)
        # the edge cannot know of the silence before its frame has been spoken: one frame is the line's own
        assert turn.response_s > delay_s - FRAME_S
    assert ending.how == "caller_hung_up"


async def test_a_barge_in_is_measured_to_the_last_sound_before_clear() -> None:
    line = PhoneLine()

    async def stop_when_spoken_over(edge: EdgeSocket) -> None:
        await edge.until_heard(audible=True)
        await edge.until_heard(audible=False)
        await edge.play(tone(30.0))
        await edge.mark("end of reply")
        await edge.until_heard(audible=True)
        await asyncio.sleep(0.2)
        await edge.send("clear")
        assert await edge.until_mark() == "end of reply"
        await edge.until_heard(audible=False)
        await edge.play(tone(0.3))
        await edge.until_hung_up()

    lines = [Utterance("one", tone(0.3)), Utterance("two", tone(0.6), barge_in_after_s=0.4)]
    talk = ScriptedConversation(lines, patience=PATIENCE)
    async with serving(ToneEdge([stop_when_spoken_over])) as edge:
        await Caller(edge.url, AUTH_TOKEN).call(line, talk)
    _, first, second = measure_turns(line.tracks.caller, line.tracks.agent, talk.said_spans)
    assert first.reply is not None
    assert second.said is not None
    (cleared_s,) = line.cleared_s
    assert second.barge_in_stop_s == pytest.approx(cleared_s - second.said.start_s, abs=0.03)
    assert second.barge_in_stop_s > 0.2 - FRAME_S
    assert second.said.start_s - first.reply.start_s > 0.4 - FRAME_S
    assert second.response_s is not None


async def test_the_protocol_is_spoken_as_twilio_does() -> None:
    async def listen(edge: EdgeSocket) -> None:
        await edge.play(tone(0.1))
        await edge.mark("played")
        assert await edge.until_mark() == "played"
        await edge.until_hung_up()

    caller = None
    async with serving(ToneEdge([listen])) as edge:
        caller = Caller(edge.url, AUTH_TOKEN, from_number="+15550007")
        await caller.call(PhoneLine(), ScriptedConversation([], patience=PATIENCE))
    received = edge.sockets[0].received
    events = [message["event"] for message in received]
    start = received[1]["start"]
    media = [message["media"] for message in received if message["event"] == "media"]
    assert (events[:3], events[-1]) == (["connected", "start", "media"], "stop")
    assert (start["callSid"], start["customParameters"]) == (caller.call_sid, {"token": "t"})
    assert start["mediaFormat"] == {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    assert [int(message["sequenceNumber"]) for message in received[1:]] == list(range(1, len(received)))
    assert [int(frame["timestamp"]) for frame in media] == [20 * number for number in range(len(media))]
    assert (edge.forms[0]["From"], edge.forms[0]["CallSid"]) == ("+15550007", caller.call_sid)


async def answer_once(edge: EdgeSocket) -> None:
    await edge.until_heard(audible=True)
    await edge.play(tone(0.2))
    await edge.mark("end of reply")
    await edge.until_mark()


async def wait_for_hang_up(edge: EdgeSocket) -> None:
    await edge.until_hung_up()


@pytest.mark.parametrize(
    ("after_stream", "how", "target"),
    [
        (HANG_UP, "agent_hung_up", ""),
        ("<Response><Dial>+15550002</Dial></Response>", "transferred", "+15550002"),
    ],
)
async def test_the_action_is_asked_when_the_stream_ends(after_stream: str, how: str, target: str) -> None:
    talk = ScriptedConversation([Utterance("bye", tone(0.2)), Utterance("unsaid", tone(0.2))], patience=PATIENCE)
    async with serving(ToneEdge([answer_once], after_stream=[after_stream])) as edge:
        ending = await Caller(edge.url, AUTH_TOKEN).call(PhoneLine(), talk)
    assert (ending.how, ending.target, ending.streams) == (how, target, 1)
    assert ending.closed.startswith("1000")
    assert len(talk.said_spans) == 1


async def test_a_call_that_is_connected_again_continues_over_a_new_stream() -> None:
    connect_again = ""
    line = PhoneLine()
    talk = ScriptedConversation([Utterance("one", tone(0.2))], patience=PATIENCE)
    async with serving(ToneEdge([answer_once, wait_for_hang_up], after_stream=[connect_again])) as edge:
        ending = await Caller(edge.url, AUTH_TOKEN).call(line, talk)
    assert (ending.how, ending.streams) == ("caller_hung_up", 2)
    first, second = edge.sockets
    assert first.start["callSid"] == second.start["callSid"]
    assert first.start["streamSid"] != second.start["streamSid"]


async def test_unplayed_audio_of_a_lost_stream_is_not_heard() -> None:
    async def die(edge: EdgeSocket) -> None:
        await edge.play(tone(5.0))
        await edge.until_heard(audible=True)

    line = PhoneLine()
    patience = replace(PATIENCE, reply_s=1.0, reply_ends_s=0.3)
    talk = ScriptedConversation([Utterance("one", tone(0.2))], patience=patience)
    async with serving(ToneEdge([die, wait_for_hang_up], after_stream=[""])) as edge:
        await Caller(edge.url, AUTH_TOKEN).call(line, talk)
    (heard,) = find_sounds(line.tracks.agent)
    assert heard.end_s < talk.said_spans[0].start_s + 0.1


async def test_a_busy_edge_refuses_the_call() -> None:
    busy = "<Response><Say>All lines are busy.</Say><Hangup/></Response>"
    async with serving(ToneEdge([], first=busy)) as edge:
        ending = await Caller(edge.url, AUTH_TOKEN).call(PhoneLine(), ScriptedConversation([]))
    assert (ending.how, ending.announcements) == ("refused", ("All lines are busy.",))


async def test_a_reply_that_never_comes_makes_the_caller_hang_up() -> None:
    patience = replace(PATIENCE, reply_s=1.0)
    talk = ScriptedConversation([Utterance("one", silence(0.1)), Utterance("two", tone(0.1))], patience=patience)
    async with serving(ToneEdge([wait_for_hang_up])) as edge:
        await Caller(edge.url, AUTH_TOKEN).call(PhoneLine(), talk)
    assert talk.unanswered_turn == 1


async def test_a_wrong_auth_token_is_one_clear_line() -> None:
    async with serving(ToneEdge([])) as edge:
        with pytest.raises(UsageError, match="ORCHESTRA_TWILIO_AUTH_TOKEN"):
            await Caller(edge.url, "another token").call(PhoneLine(), ScriptedConversation([]))


async def test_no_edge_is_one_clear_line() -> None:
    with pytest.raises(UsageError, match="orchestra up"):
        await Caller("http://127.0.0.1:9", AUTH_TOKEN).call(PhoneLine(), ScriptedConversation([]))


async def test_an_edge_that_breaks_the_protocol_is_named() -> None:
    async def sing(edge: EdgeSocket) -> None:
        await edge.send("song")
        await edge.until_hung_up()

    async with serving(ToneEdge([sing])) as edge:
        with pytest.raises(RejectedError, match="song"):
            await Caller(edge.url, AUTH_TOKEN).call(PhoneLine(), ScriptedConversation([], patience=PATIENCE))
