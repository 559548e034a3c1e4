"""What an answer of OpenObserve means: only an exact count is a yes."""

import json

import pytest

from orchestra.telemetry.openobserve import Outcome, judge


def counted(successful: int, failed: int, error: str = "") -> bytes:
    status = {"name": "s", "successful": successful, "failed": failed} | ({"error": error} if error else {})
    return json.dumps({"code": 200, "status": [status]}).encode()


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, counted(3, 0), Outcome.STORED),
        (200, counted(2, 1, "Too old data"), Outcome.REFUSED),
        (200, counted(0, 3), Outcome.REFUSED),
        (200, counted(0, 0), Outcome.LOST),
        (200, counted(2, 0), Outcome.LOST),
        (200, counted(4, 0), Outcome.LOST),
        (200, b'{"code":200,"status":[]}', Outcome.LOST),
        (200, b"<html>log in</html>", Outcome.LOST),
        (200, b"", Outcome.LOST),
        (400, b'{"code":400,"message":"invalid type"}', Outcome.REFUSED),
        (400, b'{"code":400,"message":"Quota exceeded for this organization"}', Outcome.BUSY),
        (413, b"length limit exceeded", Outcome.REFUSED),
        (408, b"", Outcome.BUSY),
        (429, b"", Outcome.BUSY),
        (500, b"", Outcome.BUSY),
        (503, b'{"code":503,"message":"MemoryTableOverflowError"}', Outcome.BUSY),
        (401, b"Unauthorized Access", Outcome.DENIED),
        (403, b"Forbidden", Outcome.DENIED),
        (404, b"", Outcome.DENIED),
        (415, b"", Outcome.DENIED),
        (302, b"", Outcome.DENIED),
    ],
)
def test_an_answer_to_three_rows(status: int, body: bytes, outcome: Outcome) -> None:
    assert judge(status, body, 3).outcome is outcome


def test_a_verdict_has_the_servers_words() -> None:
    assert judge(200, counted(2, 1, "Too old data"), 3).words == "Too old data"
    assert judge(401, b"Unauthorized Access", 3).words == "401 Unauthorized Access"
