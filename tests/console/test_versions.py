"""The API of the versions: admins change the shares, everybody who may read sees them, and each change is audited."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from orchestra.bus.worker.presence import Report, announced, present
from orchestra.testing import TestBus
from orchestra_schemas import CallAnalysed, CallEnded, CallStarted, Event, TurnCompleted, TurnMeasured, UserTurnEnded
from tests.console.consoles import as_operator, console_app, console_settings

OLD, NEW = "bank+3f2a9c1d7b20", "bank+b7710c2e95aa"
VERSIONS = {OLD: "0.2.0+3f2a9c1d7b20", NEW: "0.2.0+b7710c2e95aa"}


@asynccontextmanager
async def running_versions(bus: TestBus, *, line: str = "*") -> AsyncIterator[None]:
    """An edge that says that it runs two versions, the second without calls."""

    def report() -> Report:
        return Report(apps=tuple(("bank", version) for version in VERSIONS.values()), lines={line: {OLD: 100, NEW: 0}})

    async with announced(bus.bus, "edge", "edge-1", report):
        while not await present(bus.bus):
            pass
        yield


def calls_of(bus: TestBus, version: str, calls: int, succeeded: int, wait_ms: float) -> Iterator[Event]:
    for number in range(calls):
        call = bus.call()
        head = {"call": call, "version": version}
        yield CallStarted(**head, app="bank", line="*", from_number="+15550001")  # type: ignore[arg-type]
        yield UserTurnEnded(**head, turn=1, text="hello")  # type: ignore[arg-type]
        yield TurnCompleted(**head, turn=1, text="Hello.", agent="desk")  # type: ignore[arg-type]
        yield TurnMeasured(**head, turn=1, total_ms=wait_ms + number)  # type: ignore[arg-type]
        yield CallEnded(**head, turn=1, reason="agent_hung_up", duration_s=9.0)  # type: ignore[arg-type]
        yield CallAnalysed(**head, success=number < succeeded)  # type: ignore[arg-type]


@pytest.mark.integration
async def test_an_admin_changes_the_shares_and_the_audit_says_who(bus: TestBus) -> None:
    admin, reader = as_operator("admin"), as_operator("read")
    async with console_app(console_settings(bus.bus.settings)) as running, running_versions(bus):

        async def act(headers: dict[str, str], **body: object) -> tuple[int, dict[str, object]]:
            answer = await running.http.post("/api/versions", json=body, headers=headers)
            return answer.status_code, answer.json()

        assert (await act(reader, line="*", action="promote", version=NEW))[0] == 403
        with capture_logs() as logs:
            assert (await act(admin, line="*", action="split", shares={OLD: 90, NEW: 10}))[0] == 201
            assert (await act(admin, line="*", action="promote", version=NEW))[0] == 201
            status, answer = await act(admin, line="*", action="rollback")
        assert status == 201
        audited = [
            (each["operator"], each["action"], each["shares"]) for each in logs if each["event"] == "console.audit"
        ]
        assert audited[0] == ("admin", "changed versions: split", f"{OLD} 90 %, {NEW} 10 %")
        assert [action for _, action, _ in audited] == [
            f"changed versions: {w}" for w in ("split", "promote", "rollback")
        ]
        for wrong, problem in (
            ({"line": "*", "action": "split", "shares": {OLD: 90}}, "90 in all"),
            ({"line": "*", "action": "promote", "version": "cafe"}, f"There is {OLD}, {NEW}"),
            ({"line": "web", "action": "rollback"}, "there is *"),
        ):
            status, answer = await act(admin, **wrong)  # type: ignore[arg-type]
            assert (status, problem in str(answer["error"])) == (409, True)
        for broken in (
            {"line": ""},
            {"line": "*", "action": "drop"},
            {"line": "*", "action": "split", "shares": {OLD: "x"}},
        ):
            assert (await act(admin, **broken))[0] == 400
        (line,) = (await running.http.get("/api/versions", headers=reader)).json()["lines"]
        assert {each["name"]: each["share"] for each in line["versions"]} == {OLD: 90, NEW: 10}
        assert [each["action"] for each in line["changes"]] == ["rollback", "promote", "split"]

        await bus.publish(*calls_of(bus, VERSIONS[OLD], 12, 10, 500), *calls_of(bus, VERSIONS[NEW], 9, 1, 900))
        found = (await running.http.get("/api/versions/figures?line=*&since=0", headers=reader)).json()["versions"]
        assert [(each["version"], each["calls"]) for each in found] == [(VERSIONS[OLD], 12), (VERSIONS[NEW], 9)]
        assert found[1]["success"]["differs"]
        assert (await running.http.get("/api/versions/figures?line=web", headers=reader)).json()["versions"] == []
