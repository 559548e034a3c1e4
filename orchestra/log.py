"""Structured logging of every process: one line an entry on standard error, and to OpenObserve where one is set."""

import logging
import sys

import structlog

from orchestra.settings import Settings

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def _shipping(settings: Settings) -> list[structlog.typing.Processor]:
    """What ships entries to OpenObserve, where one is set."""
    if not settings.openobserve_url:
        return []
    from orchestra.telemetry.logs import LogShipping  # noqa: PLC0415 - with its HTTP client, where it is needed

    return [LogShipping(settings)]


def configure_logging(settings: Settings, process: str) -> None:
    """Set structlog up for this process; ``process`` names it in every entry ("edge", "worker.execution").

    Raises:
        SettingError: an OpenObserve is set without credentials.

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
            *_shipping(settings),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[settings.log_level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)


def quiet_logging(settings: Settings, process: str) -> None:
    """Set structlog up for a command whose output is for a reader or a program: warnings alone, on standard error."""
    level = settings.log_level if settings.log_level in {"warning", "error"} else "warning"
    configure_logging(settings.model_copy(update={"log_level": level, "openobserve_url": None}), process)
