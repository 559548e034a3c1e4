"""How another terminal finds the stack of this data directory."""

import os

import msgspec
import pytest

from orchestra.settings import Settings
from orchestra.stack import RunningStack, find_running_stack


@pytest.mark.parametrize("gone", [ProcessLookupError, PermissionError])
def test_the_file_of_a_stack_that_was_killed_names_no_stack(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, gone: type[OSError]
) -> None:
    note = RunningStack(url="http://127.0.0.1:8480", auth_token="t", redis_url="redis://127.0.0.1", pid=os.getpid())
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    (settings.data_dir / "up.json").write_bytes(msgspec.json.encode(note))
    assert find_running_stack(settings) == note

    def kill(_pid: int, _signal: int) -> None:
        raise gone

    monkeypatch.setattr("orchestra.stack.run_file.os.kill", kill)
    assert find_running_stack(settings) is None
