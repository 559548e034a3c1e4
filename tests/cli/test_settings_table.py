"""Every setting has a meaning that the operator can read, and no secret is shown beside it."""

from typer.testing import CliRunner

from orchestra.cli import app
from orchestra.cli.demo.command import _NAMES
from orchestra.cli.doctor.settings import meanings, settings_table
from orchestra.demo.scripts import SCRIPTS, SHOWS
from orchestra.settings import Settings
from orchestra.version import package_version


def shown(**values: object) -> str:
    table = settings_table(Settings.model_validate(values))
    return "\n".join(str(cell) for column in table.columns for cell in column.cells)


def test_every_setting_says_what_it_means() -> None:
    assert set(meanings()) == set(Settings.model_fields)
    assert min(map(len, meanings().values())) > 5


def test_a_password_in_a_url_is_no_more_shown_than_a_key() -> None:
    told = shown(
        redis_url="redis://me:secret-1@host:6379/0", model_api_key="secret-2", otlp_url="http://me:secret-3@host"
    )
    assert "redis://me:…@host:6379/0" in told
    assert "secret-" not in told


def test_what_looks_like_a_style_is_shown_as_it_is() -> None:
    assert "[bold]calls[/]" in shown(label_studio_project="[bold]calls[/]")


def test_the_help_of_the_demo_names_every_script() -> None:
    assert _NAMES.split(", ") == [*SCRIPTS, *SHOWS]


def test_the_version_is_told() -> None:
    told = CliRunner().invoke(app, ["--version"])
    assert (told.exit_code, told.output.strip()) == (0, package_version())
