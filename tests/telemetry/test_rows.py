"""The row of an event: bounded columns, the whole event as a string, and a time that the server takes."""

import gzip
import json
import time

import msgspec
import pytest

from orchestra.bus import Entry
from orchestra.telemetry.openobserve import Request
from orchestra.telemetry.redaction import Redaction
from orchestra.telemetry.rows import Columns, Row, body_of, log_row, row_of, stream_of, streams
from schemas import AudioChunk, Event, PromptRequested, TurnMeasured, UserTurnEnded, encode

CALL = "07-0199a2b4-77f0-7abc-8def-000000000001"


def entry_of(event: Event, **changes: object) -> Entry:
    fields = encode(event)
    entry = Entry(
        "1763830000123-0", 7, "events", fields[b"type"].decode(), event.call, event.id, fields[b"body"],
        fields.get(b"audio"),
    )  # fmt: skip
    return msgspec.structs.replace(entry, **changes)


def columns_of(row: Row) -> dict[str, object]:
    return dict(json.loads(b"{" + row.rest[1:]))


def test_what_is_measured_stands_in_columns_and_the_whole_event_in_the_body() -> None:
    event = TurnMeasured(call=CALL, id="e1", turn=2, at=1763830000.5, source="edge", cause="e0", total_ms=812)
    row = row_of(entry_of(event), None)
    columns = columns_of(row)
    assert (row.stream, row.at_us) == ("orchestra_edge", 1763830000500000)
    assert columns.pop("body") == encode(event)[b"body"].decode()
    assert columns == {
        "event_at": 1763830000.5, "event_id": "e1", "event_type": "turn.measured", "call": CALL, "turn": 2,
        "source": "edge", "cause": "e0", "trace_id": CALL[3:].replace("-", ""), "partition": 7,
        "entry": "1763830000123-0", "total_ms": 812.0,
    }  # fmt: skip


def test_audio_goes_as_its_metadata() -> None:
    row = row_of(entry_of(AudioChunk(call=CALL, speaker="agent", offset_ms=400, audio=b"\x01\x02" * 50)), None)
    columns = columns_of(row)
    assert (row.stream, columns["audio_bytes"], columns["speaker"]) == ("orchestra_media", 100, "agent")
    assert b"\x01\x02" not in row.rest


def test_no_event_has_a_column_beyond_the_bounded_set() -> None:
    event = PromptRequested(call=CALL, agent="a", deadline=5.0)
    assert set(columns_of(row_of(entry_of(event), None))) <= set(Columns.__struct_fields__)


@pytest.mark.parametrize(
    "body",
    [b"", b"{oops", b"\xff\xfe", b"[1]", b'{"turn":"two"}', b'{"body":{"a":1}}', b'{"at":1e400}', b'{"new":{"k":1}}'],
)
def test_an_event_that_nobody_knows_or_can_read_is_shipped_as_it_is(body: bytes) -> None:
    row = row_of(entry_of(TurnMeasured(call=CALL), type="mood.scored", body=body, id=""), Redaction())
    columns = columns_of(row)
    assert row.stream == "orchestra_events"
    assert (columns["event_id"], columns["event_type"]) == ("07/events/1763830000123-0", "mood.scored")
    assert columns.get("body", "") == body.decode("utf-8", "replace")
    assert row.at_us == 1763830000123000


def test_columns_are_redacted_too() -> None:
    row = row_of(entry_of(UserTurnEnded(call=CALL, id="e1", text="it is ann@example.com")), Redaction())
    assert b"ann@" not in row.rest
    assert columns_of(row)["text"] == "it is [email]"


def test_every_room_of_the_schemas_has_its_stream() -> None:
    assert stream_of("call.started") == "orchestra_calls"
    assert set(streams()) == {
        "orchestra_calls", "orchestra_caller", "orchestra_conversation", "orchestra_execution", "orchestra_edge",
        "orchestra_media", "orchestra_afterwards", "orchestra_events", "orchestra_logs",
    }  # fmt: skip


def test_what_is_outside_the_window_goes_under_the_present_moment() -> None:
    now = round(time.time() * 1e6)
    hour = 3600 * 1_000_000
    rows = [Row("s", now - back * hour, b',"n":%d}' % back) for back in (0, 4, 6, 200, -2, -30)]
    body, late = body_of(rows, now, 5 * hour)
    sent = {record["n"]: record["_timestamp"] for record in json.loads(body)}
    assert late == 3
    assert {back: at for back, at in sent.items() if at != now} == {4: now - 4 * hour, -2: now + 2 * hour}


def test_a_request_is_gzipped_json() -> None:
    request = Request.of("s", [Row("s", 1763830000000000, b',"n":1}')], 5, now=1763830000.0)
    assert json.loads(gzip.decompress(request.body)) == [{"_timestamp": 1763830000000000, "n": 1}]
    assert (request.path, request.rows, request.late) == ("/s/_json", 1, 0)


def test_a_log_entry_may_hold_anything() -> None:
    row = log_row(5.0, {"event": "x.failed", "level": "error", "count": 3, "what": object(), "path": {1, 2}})
    columns = columns_of(row)
    assert (columns["event"], columns["level"], row.stream) == ("x.failed", "error", "orchestra_logs")
    assert msgspec.json.decode(str(columns["body"]))["count"] == 3
