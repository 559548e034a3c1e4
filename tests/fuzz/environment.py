"""The door of settings: a wrong one is reported in one line that reveals no secret."""

import io
import json
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from unittest import mock

from rich.console import Console

from orchestra.cli.doctor.settings import settings_table
from orchestra.errors import OrchestraError
from orchestra.settings import Settings, load_settings
from tests.fuzz import odd
from tests.fuzz.run import Outcome

_SECRET = "s3cr3t-of-mine"
_URLS = [
    f"redis://u:{_SECRET}@127.0.0.1:1/0", f"sftp://u:{_SECRET}@h/x", f"https://h/v1?key={_SECRET}",
    "redis+sentinel://h", "h:99999",
    f"rediss://:{_SECRET}@[::1", "file:///tmp", "s3://b/k",
]  # fmt: skip


class Environment:
    """Values of settings."""

    at_once = 1

    async def take(self, number: int, chance: random.Random) -> Outcome:
        names = chance.sample(list(Settings.model_fields), chance.randint(1, 4))
        given = {f"ORCHESTRA_{name.upper()}": self._value(name, chance) for name in names}
        if chance.random() < 0.1:
            given[f"ORCHESTRA_{odd.text(chance).upper()}"] = "1"
        given = {name.replace("\0", "").replace("=", ""): text for name, text in given.items()}
        passed = 0
        with mock.patch.dict(os.environ, given):
            try:
                chosen = load_settings()
                passed = 1
                shown = self._table(chosen) if number % 50 == 0 else ""
            except OrchestraError as error:
                shown = str(error)
            except Exception as error:
                msg = f"{type(error).__name__} {error} for {given!r}"
                raise AssertionError(msg) from error
        assert number % 50 == 0 or len(shown.splitlines()) <= 1, f"{shown!r} for {given!r}"
        assert _SECRET not in shown, f"the secret of {given!r} in {shown!r}"
        return Outcome(1, passed)

    def _table(self, chosen: Settings) -> str:
        """The output of `orchestra doctor --settings`."""
        console = Console(width=20_000, file=io.StringIO())
        console.print(settings_table(chosen))
        return console.file.getvalue()  # type: ignore[attr-defined]

    def _value(self, name: str, chance: random.Random) -> str:
        if "url" in name and chance.random() < 0.5:
            return chance.choice(_URLS)
        text = chance.choice([odd.text(chance), str(chance.randrange(-5, 10**6)), json.dumps(odd.value(chance))])
        return text.replace("\0", "").encode("utf-8", "replace").decode()

    async def beside(self) -> None:
        assert load_settings().partitions == Settings().partitions

    async def idle(self) -> None:
        pass


@asynccontextmanager
async def settings(folder: Path) -> AsyncIterator[Environment]:
    """Settings in the environment."""
    yield Environment()
