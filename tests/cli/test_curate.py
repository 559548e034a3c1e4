"""`orchestra curate pull` leaves the folder that it is started in as it was."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestra.cli import app, curate
from tests.servers.label_studio import TOKEN, LabelStudioServer


async def test_the_evaluation_set_is_kept_with_the_data_unless_a_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, data = tmp_path / "here", tmp_path / "data"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(data))
    monkeypatch.setattr(curate, "fetch", lambda project, since: [])  # noqa: ARG005 - nobody has annotated anything
    async with LabelStudioServer() as server:
        monkeypatch.setenv("ORCHESTRA_LABEL_STUDIO_URL", server.url)
        monkeypatch.setenv("ORCHESTRA_LABEL_STUDIO_API_KEY", TOKEN)
        pulled = await asyncio.to_thread(CliRunner().invoke, app, ["curate", "pull"])
        named = await asyncio.to_thread(CliRunner().invoke, app, ["curate", "pull", "--out", "mine.jsonl"])
    assert f"0 calls in {data / 'evaluation.jsonl'}" in pulled.stdout
    assert (data / "evaluation.jsonl").exists()
    assert named.exit_code == 0
    assert [path.name for path in here.iterdir()] == ["mine.jsonl"]
