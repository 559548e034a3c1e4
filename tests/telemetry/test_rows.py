"""The row of an event: bounded columns, the whole event as a string, and a time that the server takes."""

import gzip
import json
import time

import msgspec
import pytest

from orchestra.bus import Entry
from orchestra.telemetry import rows
from orchestra.telemetry.openobserve import Request
from orchestra.telemetry.redaction import Redaction
from orchestra.telemetry.rows import Columns, Row, body_of, log_row, row_of, stream_of, streams
from orchestra_schemas import (
    AudioChunk,
    CallAnalysed,
    Event,
    PromptRequested,
    TurnMeasured,
    UserTurnEnded,
    Verdict,
    encode,
    event_types,
)

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


def test_measured_values_are_columns_and_the_whole_event_is_in_the_body() -> None:
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


def test_of_audio_only_the_metadata_is_shipped() -> None:
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
def test_an_unknown_or_unreadable_event_is_shipped_as_it_is(body: bytes) -> None:
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


def test_a_verdict_is_a_column_by_what_it_says() -> None:
    verdicts = (Verdict(judge="polite", passed=True), Verdict(judge="brief", passed=False), Verdict(judge="true"))
    event = CallAnalysed(call=CALL, summary="ann@example.com wants a parcel", success=False, verdicts=verdicts)
    columns = columns_of(row_of(entry_of(event), Redaction()))
    assert columns["summary"] == "[email] wants a parcel"
    assert (columns["success"], columns["passed"], columns["not_passed"]) == (False, "polite", "brief")
    assert "verdicts" not in columns


OURS = {tag: kind for tag, kind in event_types().items() if kind.__module__.startswith("orchestra_schemas.")}
#: the tables that users of 0.1 query: none of them may change its name, and no type its table
TABLES = {
    "orchestra_afterwards": "call.analysed recording.saved transcript.curated",
    "orchestra_caller": (
        "backchannel.heard reply.interrupted transcript.final user.speech.started user.turn.ended user.turn.predicted "
        "user.turn.resumed"
    ),
    "orchestra_operators": (
        "call.accessed operator.handed.back operator.joined operator.left operator.passed.on operator.said "
        "operator.took.over operator.whispered"
    ),
    "orchestra_calls": (
        "app.changed call.answered call.end.requested call.ended call.greeted call.resumed call.screened call.started "
        "call.transfer.requested call.transferred call.variables.requested call.variables.set consent.given "
        "consent.refused digit.pressed digits.requested transfer.accepted transfer.failed"
    ),
    "orchestra_conversation": (
        "agent.changed language.changed prompt.requested tool.requested turn.cancelled turn.completed"
    ),
    "orchestra_edge": "provider.failed reply.spoken sentence.spoken speech.metered turn.measured",
    "orchestra_execution": "prompt.completed reply.chunk tool.completed",
    "orchestra_media": "audio.chunk transcript.partial",
    "orchestra_monitors": "alarm.cleared alarm.raised",
}


def test_every_event_type_keeps_its_table() -> None:
    assert {table: set(tags.split()) for table, tags in TABLES.items()} == {
        table: {tag for tag, kind in OURS.items() if stream_of(tag) == table} for table in TABLES
    }
    assert set(streams()) == {*TABLES, "orchestra_events", "orchestra_logs"}


def test_a_foreign_type_may_name_a_table_but_not_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        rows,
        "event_types",
        lambda: {"a.b": type("AB", (), {"family": "moods"}), "c": type("C", (), {"family": "../x"})},
    )
    monkeypatch.setattr(rows, "_streams", {})
    assert (stream_of("a.b"), stream_of("c")) == ("orchestra_moods", "orchestra_events")


def test_rows_outside_the_window_are_sent_with_the_current_time() -> None:
    now = round(time.time() * 1e6)
    hour = 3600 * 1_000_000
    several = [Row("s", now - back * hour, b',"n":%d}' % back) for back in (0, 4, 6, 200, -2, -30)]
    body, late = body_of(several, now, 5 * hour)
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
