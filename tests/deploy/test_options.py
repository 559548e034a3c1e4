"""What a deployment cannot be is said in one line, and nothing is printed."""

import pytest
from typer.testing import CliRunner

from orchestra.cli import app
from orchestra.errors import SettingError

DOMAIN = ["--domain", "voice.example.com"]
WRONG = {
    "compose --edges 0": "'--edges'",
    "compose --edges many": "'--edges'",
    "compose --drain -1": "'--drain'",
    "compose --colour red": "No such option",
    "compose --domain voice": "name of a host",
    "compose --domain https://voice.example.com": "name of a host",
    "compose --domain voice.example.com:443": "name of a host",
    "compose --domain -v.example.com": "name of a host",
    "compose --domain vöice.example.com": "name of a host",
    "compose --app shop": "module:attribute",
    "compose --app shop:app;x": "module:attribute",
    "compose --image Our/Image": "name of an image",
    "compose --carrier mars": "twilio, telnyx, plivo, vonage",
    "compose --secret model": "there are redis_password",
    "kubernetes": "--domain voice.example.com",
    "kubernetes --domain voice.example.com --namespace A_b": "lower-case letters",
    "kubernetes --domain voice.example.com --ingress-namespace a/b": "lower-case letters",
    "kubernetes --domain voice.example.com --with mining": "logging, telemetry, curator, webhooks",
    "kubernetes --domain voice.example.com --redis-url http://host": "redis://…",
    "kubernetes --domain voice.example.com --redis-url redis://:pw-1234@host": "belongs into the cluster's secret",
    "kubernetes --domain voice.example.com --redis-url redis://host?password=pw-1234": "belongs into",
    "kubernetes --domain voice.example.com --store /tmp": "s3://…",
}


@pytest.mark.parametrize("command", WRONG)
def test_a_wrong_option_is_said(command: str) -> None:
    told = CliRunner().invoke(app, ["deploy", *command.split()])
    said = str(told.exception) if isinstance(told.exception, SettingError) else told.stderr
    assert told.exit_code != 0
    assert WRONG[command] in said
    assert "pw-1234" not in said
    assert told.stdout == ""


@pytest.mark.parametrize(
    "domain", ["x y.example.com", "a.b\nkind: Pod", "${X}.example.com", "a..b", "a.b/", f"{'a' * 64}.b"]
)
@pytest.mark.parametrize("kind", ["compose", "kubernetes"])
def test_a_domain_cannot_carry_anything_else_into_a_file(kind: str, domain: str) -> None:
    told = CliRunner().invoke(app, ["deploy", kind, "--domain", domain])
    assert isinstance(told.exception, SettingError)
    assert told.stdout == ""
