"""`orchestra simulate` for an operator: exit codes, the turn that went wrong, a scenario made from a call."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.servers.openai import Call, OpenAIServer, Reply

pytestmark = pytest.mark.integration


def obedient(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Reply:
    """A model that does what its prompt says: with a broken one it knows nothing."""
    if "search_knowledge" in messages[0]["content"] and messages[-1]["role"] != "tool":
        assert tools
        return [Call("search_knowledge", {"query": "opening hours"})]
    return "I am a poet, and know nothing of hours."


async def orchestra(*words: str, cwd: Path, **settings: str) -> tuple[int, str, str]:
    pipe = asyncio.subprocess.PIPE
    environment = {**os.environ, "ORCHESTRA_DATA_DIR": str(cwd), **settings}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "orchestra.cli", *words, cwd=cwd, env=environment, stdout=pipe, stderr=pipe
    )
    out, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), errors.decode()


async def test_a_broken_prompt_ends_with_1_and_the_turn(tmp_path: Path) -> None:
    (tmp_path / "poet.txt").write_text("You are a poet.")
    command = ("simulate", "--only", "opening-hours", "--forget", "--prompt", "reception=poet.txt")
    async with OpenAIServer(obedient) as server:
        model = {"ORCHESTRA_MODEL": "m", "ORCHESTRA_MODEL_URL": server.base_url, "ORCHESTRA_MODEL_API_KEY": "k"}
        code, out, errors = await orchestra(*command, cwd=tmp_path, **model)
    assert code == 1
    assert "opening-hours, seed 1, turn 2: words: the agents never say 'seven in the evening'" in out
    assert "0.0% of the runs pass, at least 100.0% is required" in errors


async def test_a_call_becomes_a_scenario_that_passes(tmp_path: Path) -> None:
    code, out, _ = await orchestra("simulate", "--only", "redelivery", "--journals", "kept", "--json", cwd=tmp_path)
    (run,) = json.loads(out)["runs"]
    assert (code, run["passed"]) == (0, True)
    made = await orchestra("simulate", "--from", "kept/redelivery-1.jsonl", "--to", "from.yaml", cwd=tmp_path)
    assert made[0] == 0, made
    again = await orchestra("simulate", "from.yaml", "--html", "page.html", cwd=tmp_path)
    assert again[0] == 0, again
    assert "Shall we deliver it again?" in (tmp_path / "page.html").read_text()
