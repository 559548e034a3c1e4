"""A stack whose edges hear and speak tones, with a model that answers as a test says."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from orchestra.settings import load_settings
from orchestra.stack import RunningStack, stack
from orchestra.stack import child as child_module
from tests.faults.spoken.model import respond
from tests.servers.openai import OpenAIServer, Respond


@asynccontextmanager
async def spoken_stack(
    folder: Path,
    environment: pytest.MonkeyPatch,
    *,
    app: str = "tests.faults.spoken.app:app",
    answers: Respond = respond,
    token_s: float = 0.02,
    edges: int = 2,
    archive: bool = False,
) -> AsyncIterator[RunningStack]:
    """Edges and the workers of ``app``, with their data and logs in ``folder``; a model that is as fast as told."""
    async with OpenAIServer(answers, token_s=token_s) as model:
        for name, value in {
            "ORCHESTRA_DATA_DIR": str(folder), "ORCHESTRA_PORT": "0", "ORCHESTRA_APP": app,
            "ORCHESTRA_MODEL": "tones", "ORCHESTRA_MODEL_URL": model.base_url, "SPOKEN_DEEDS": str(folder / "deeds"),
        }.items():  # fmt: skip
            environment.setenv(name, value)
        environment.setattr(child_module, "_COMMAND", (sys.executable, "-m", "tests.faults.spoken"))
        (folder / "deeds").touch()
        workers = ("orchestration", "execution", "persistence", *(("archive",) if archive else ()))
        async with stack(load_settings(), logs=folder / "logs", edges=edges, workers=workers) as running:
            yield running
