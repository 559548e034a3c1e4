"""Structured logging of every process: a line per entry on standard error, and to OpenObserve if one is configured."""

import logging
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any

import structlog

from orchestra.hide_secrets import masking
from orchestra.printable import printable
from orchestra.settings import Settings, secret_values

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def _shipping(settings: Settings) -> list[structlog.typing.Processor]:
    """The processor that ships entries to OpenObserve, if one is configured."""
    if not settings.openobserve_url:
        return []
    from orchestra.telemetry.logs import LogShipping  # noqa: PLC0415 - an HTTP client, only if needed

    return [LogShipping(settings)]


class Masking:
    """A structlog processor, the last safety net: no entry shows a secret of the settings, or one in a URL."""

    def __init__(self, values: Iterable[str]) -> None:
        self._masked = masking(values)

    def __call__(self, _: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """The entry with its secrets hidden at any depth."""
        return {name: self._clean(value) for name, value in entry.items()}

    def _clean(self, value: Any) -> Any:
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return self._masked(value)
            case dict():
                return {name: self._clean(each) for name, each in value.items()}
            case list() | tuple():
                return [self._clean(each) for each in value]
            case _:
                text = repr(value)
                return value if (masked := self._masked(text)) == text else masked


def _harmless(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The entry without characters that could control the terminal."""
    return {name: printable(value) if isinstance(value, str) else value for name, value in entry.items()}


def configure_logging(settings: Settings, process: str) -> None:
    """Configure structlog for this process; ``process`` names it in every entry ("edge", "worker.execution").

    Raises:
        SettingError: OpenObserve is configured without credentials.

    """
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            Masking(secret_values(settings)),
            *_shipping(settings),
            *([] if settings.log_format == "json" else [_harmless]),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[settings.log_level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)


def quiet_logging(settings: Settings, process: str) -> None:
    """Configure structlog for a command that has its own output: only warnings, on standard error."""
    level = settings.log_level if settings.log_level in {"warning", "error"} else "warning"
    configure_logging(settings.model_copy(update={"log_level": level, "openobserve_url": None}), process)
