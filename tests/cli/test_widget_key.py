from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestra.cli import app
from orchestra.settings import Settings
from orchestra.storage.secrets import link_key
from orchestra.voice.carriers.browser.visitors import WidgetKeys


def test_a_key_names_its_sites_line_and_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    sites = ["https://www.example.com", "http://localhost:3000"]
    result = CliRunner().invoke(app, ["widget-key", *sites, "--line", "help", "--days", "2", "--calls-a-minute", "7"])
    assert result.exit_code == 0
    claims = WidgetKeys(link_key(Settings(data_dir=tmp_path))).check(result.stdout.strip(), 0.0)
    assert (claims.line, claims.origins, claims.calls_a_minute) == ("help", tuple(sites), 7)


@pytest.mark.parametrize("origin", ["example.com", "https://a.example/shop", "*", "ftp://a.example"])
def test_what_is_no_origin_gets_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, origin: str) -> None:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    result = CliRunner().invoke(app, ["widget-key", origin])
    assert result.exit_code != 0
    assert result.stdout == ""
