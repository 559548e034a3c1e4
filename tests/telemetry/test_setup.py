"""`orchestra openobserve setup` makes what is missing and may be run again."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from orchestra.errors import OrchestraError, SettingError
from orchestra.settings import Settings
from orchestra.telemetry.dashboard import TITLE, dashboard
from orchestra.telemetry.openobserve import OpenObserve
from orchestra.telemetry.rows import Columns, streams
from orchestra.telemetry.setup import set_up
from tests.servers.openobserve import PASSWORD, USER, OpenObserveServer, dashboard_problem


@pytest_asyncio.fixture
async def server() -> AsyncIterator[OpenObserveServer]:
    async with OpenObserveServer() as server:
        yield server


async def set_up_at(server: OpenObserveServer, **changes: object) -> list[str]:
    known = {"openobserve_url": server.url, "openobserve_user": USER, "openobserve_password": PASSWORD}
    client = OpenObserve(Settings(data_dir=Path("/nowhere"), **known | changes))  # type: ignore[arg-type]
    try:
        return await set_up(client)
    finally:
        await client.close()


async def test_streams_get_all_their_columns_and_the_dashboard_is_there(server: OpenObserveServer) -> None:
    done = await set_up_at(server)
    assert sorted(server.created) == sorted(streams())
    assert set(server.schemas["orchestra_edge"]) == set(Columns.__struct_fields__)
    assert server.schemas["orchestra_execution"]["failed"] is bool
    (stored,) = server.dashboards.values()
    assert stored["v8"]["title"] == TITLE
    assert len(done) == len(streams()) + 1


async def test_a_second_run_changes_nothing_but_the_dashboard_of_its_name(server: OpenObserveServer) -> None:
    await set_up_at(server)
    server._store_dashboard("another", dashboard() | {"title": f"{TITLE} of last year"})
    done = await set_up_at(server)
    assert len(server.dashboards) == 2
    assert {line.rpartition(" ")[2] for line in done} == {"there", "updated"}


async def test_a_dashboard_that_was_moved_to_another_folder_is_updated_where_it_is(server: OpenObserveServer) -> None:
    await set_up_at(server)
    (name,) = server.dashboards
    server.folders[name] = "7401"
    server.dashboards[name]["v8"]["description"] = "of the last version"
    done = await set_up_at(server)
    assert done[-1] == f"dashboard '{TITLE}' updated"
    assert list(server.dashboards) == [name]
    assert server.dashboards[name]["v8"]["description"] == dashboard()["description"]


async def test_a_dashboard_that_somebody_changes_meanwhile_is_not_written_over(server: OpenObserveServer) -> None:
    await set_up_at(server)
    server.somebody_edits = True
    with pytest.raises(OrchestraError, match=r"409 .*changed meanwhile"):
        await set_up_at(server)


async def test_refused_credentials_are_reported_with_the_settings_to_change(server: OpenObserveServer) -> None:
    with pytest.raises(SettingError, match="ORCHESTRA_OPENOBSERVE_USER"):
        await set_up_at(server, openobserve_password="wrong")


async def test_an_unreachable_server_is_reported_in_one_line(server: OpenObserveServer) -> None:
    with pytest.raises(SettingError, match="ORCHESTRA_OPENOBSERVE_URL"):
        await set_up_at(server, openobserve_url="http://127.0.0.1:9")


async def test_a_refusal_is_reported_in_the_servers_words(server: OpenObserveServer) -> None:
    with pytest.raises(OrchestraError, match="refuses POST /streams/orchestra_afterwards: 404"):
        await set_up_at(server, openobserve_org="nobody")


def test_every_panel_follows_the_schema() -> None:
    made = dashboard()
    assert dashboard_problem(made) == ""
    panels = made["tabs"][0]["panels"]
    assert {panel["title"] for panel in panels} >= {
        "Calls",
        "Response time",
        "Interruptions",
        "Tools that failed",
        "Tokens",
    }
    places = [(panel["layout"]["x"], panel["layout"]["y"]) for panel in panels]
    assert len(set(places)) == len(panels)


def test_queries_name_existing_streams_and_columns() -> None:
    known = {*Columns.__struct_fields__, "level"}
    for panel in dashboard()["tabs"][0]["panels"]:
        (query,) = panel["queries"]
        sql = query["query"]
        assert re.search(r'FROM "(\w+)"', sql)[1] in streams()  # type: ignore[index]
        named = re.findall(r"(?:cont|sum|avg|distinct)\(?\s*(\w+)", sql) + re.findall(r"(\w+) (?:=|IN)", sql)
        assert set(named) - {"_cont", "x"} <= known, sql
        for axis in query["fields"]["x"] + query["fields"]["y"]:
            assert f'AS "{axis["alias"]}"' in sql


async def test_the_command_reports_what_it_did(server: OpenObserveServer, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ORCHESTRA_")} | {
        "ORCHESTRA_OPENOBSERVE_URL": server.url, "ORCHESTRA_OPENOBSERVE_USER": USER,
        "ORCHESTRA_OPENOBSERVE_PASSWORD": PASSWORD, "ORCHESTRA_DATA_DIR": str(tmp_path),
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "orchestra.cli", "openobserve", "setup", env=environment, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    assert f"dashboard '{TITLE}' created" in out.decode()
