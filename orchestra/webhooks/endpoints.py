"""The endpoints of webhooks, from a file: where they are, what they get, and where their secrets are.

A table each, in TOML (``ORCHESTRA_WEBHOOKS``)::

    [crm]
    url = "https://crm.example.com/hooks/calls"
    secret_env = "CRM_WEBHOOK_SECRET"
    events = ["call.ended", "call.analysed"]
    apps = ["support"]
    headers_env = { Authorization = "CRM_AUTHORIZATION" }

The file names secrets and holds none. ``secret_file`` names a file with the secret instead. Instead of a variable, the
one with ``_FILE`` after its name may name a file.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from orchestra.errors import SettingError
from orchestra.hide_secrets import without_login
from orchestra.secret_files import read_variable
from orchestra.settings import Settings
from orchestra.webhooks.signing import read_secrets
from orchestra_schemas import event_types

#: what an endpoint gets unless it says otherwise
DEFAULT_EVENTS = ("call.started", "call.ended", "call.analysed", "recording.saved", "alarm.raised", "alarm.cleared")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", re.ASCII)
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
_TYPE = re.compile(r"[a-z0-9]+(\.[a-z0-9]+)*", re.ASCII)
_OURS = ("content-", "host", "transfer-", "connection", "webhook-")
_KEYS = {"url", "secret_env", "secret_file", "events", "apps", "headers_env"}


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint whose settings were checked.

    Attributes:
        name: letters, digits, ``-`` and ``_``; what waits for it is kept under this name.
        url: where messages are posted.
        events: the types that it gets.
        apps: the apps whose calls it gets events of; of all if empty.
        secrets: each signs every message.
        headers: more headers of every request.

    """

    name: str
    url: str
    events: frozenset[str] = frozenset(DEFAULT_EVENTS)
    apps: frozenset[str] = frozenset()
    secrets: tuple[str, ...] = ()
    headers: Mapping[str, str] = {}

    def wants(self, kind: str, app: str) -> bool:
        """Whether it gets an event of this type, of a call of this app (empty: of an unknown one)."""
        return kind in self.events and (not self.apps or app in self.apps)

    @property
    def unknown_events(self) -> list[str]:
        """The types that the platform does not have: an app's own, or mistyped ones."""
        return sorted(self.events - event_types().keys() - set(DEFAULT_EVENTS))

    @property
    def place(self) -> str:
        """Its URL as it may be shown."""
        return without_login(self.url)


def load_endpoints(settings: Settings, *, secrets: bool = True, only: str = "") -> tuple[Endpoint, ...]:
    """The endpoints of the settings; none where no file is named.

    Args:
        settings: which name the file.
        secrets: whether their secrets and headers are needed, too.
        only: the name of the only one that is needed.

    Raises:
        SettingError: the file cannot be read, an endpoint is wrong, or its secret is not there; the message says which.

    """
    if settings.webhooks is None:
        return ()
    file = settings.webhooks
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        msg = f"the webhooks of ORCHESTRA_WEBHOOKS={file} cannot be read: {error}"
        raise SettingError(msg) from None
    return tuple(
        _endpoint(f"{file.name}, [{name}]", name, table, settings, secrets=secrets)
        for name, table in tables.items()
        if only in {"", name}
    )


def check_url(url: object, where: str, *, private: bool) -> str:
    """Check where messages are to be posted; returns it.

    Raises:
        SettingError: it is no such URL; the message says why.

    """
    found = re.fullmatch(r"(https?)://([^\s/?#@]+)(?:[/?][^\s#]*)?", url) if isinstance(url, str) else None
    if found is None or not isinstance(url, str):
        msg = (
            f"{where}: url is {without_login(url) if isinstance(url, str) else url!r}: write https://host/path,"
            " without a user or password, which headers_env can send"
        )
        raise SettingError(msg)
    if found[1] == "http" and not private:
        msg = (
            f"{where}: {without_login(url)} is not encrypted: write https:, or set ORCHESTRA_WEBHOOKS_PRIVATE=true if"
            " it is in a network of your own"
        )
        raise SettingError(msg)
    return url


def _endpoint(where: str, name: str, table: Any, settings: Settings, *, secrets: bool) -> Endpoint:
    if not _NAME.fullmatch(name):
        msg = f"{where}: its name is at most 40 letters, digits, - and _"
        raise SettingError(msg)
    if not isinstance(table, dict) or (unknown := sorted(table.keys() - _KEYS)):
        what = f"{unknown[0]!r} is unknown" if isinstance(table, dict) else "it is no table"
        msg = f"{where}: {what}: an endpoint has {', '.join(sorted(_KEYS))}"
        raise SettingError(msg)
    events = _names(table.get("events", list(DEFAULT_EVENTS)), f"{where}: events")
    if not events or (strange := sorted(each for each in events if not _TYPE.fullmatch(each))):
        what = f"{strange[0]!r} is no event type" if events else "there is none"
        msg = f"{where}: events: {what}: `orchestra schema` prints all"
        raise SettingError(msg)
    return Endpoint(
        name=name,
        url=check_url(table.get("url"), where, private=settings.webhooks_private),
        events=events,
        apps=_names(table.get("apps", []), f"{where}: apps"),
        secrets=_secrets(where, table) if secrets else (),
        headers=_headers(where, table.get("headers_env", {})) if secrets else {},
    )


def _names(value: Any, where: str) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        msg = f'{where} is {value!r}: write a list of names, ["…", "…"]'
        raise SettingError(msg)
    return frozenset(value)


def _secrets(where: str, table: dict[str, Any]) -> tuple[str, ...]:
    variable, file = table.get("secret_env"), table.get("secret_file")
    if (variable is None) == (file is None) or not isinstance(variable if file is None else file, str):
        msg = f"{where}: name the secret's environment variable in secret_env, or a file with it in secret_file"
        raise SettingError(msg)
    if variable is not None:
        return read_secrets(_environment(f"{where}: secret_env", variable), f"{where}: the variable {variable}")
    try:
        text = Path(str(file)).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{where}: the secret's file {file} cannot be read: {type(error).__name__}"
        raise SettingError(msg) from None
    return read_secrets(text, f"{where}: the file {file}")


def _headers(where: str, value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        msg = f'{where}: headers_env is {value!r}: write {{ Authorization = "NAME_OF_A_VARIABLE" }}'
        raise SettingError(msg)
    headers = {}
    for header, variable in value.items():
        if not _HEADER.fullmatch(header) or header.lower().startswith(_OURS) or not isinstance(variable, str):
            msg = f"{where}: headers_env: {header!r} cannot be set"
            raise SettingError(msg)
        text = _environment(f"{where}: headers_env", variable)
        if not text.isascii() or not text.isprintable():
            msg = f"{where}: headers_env: the value of {variable} cannot be a header"
            raise SettingError(msg)
        headers[header] = text
    return headers


def _environment(where: str, variable: str) -> str:
    text = (read_variable(variable) or "").strip()
    if not text:
        msg = f"{where}: the variable {variable} is not set in the environment of this process"
        raise SettingError(msg)
    return text
