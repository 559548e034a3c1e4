"""Sends Pipecat's warnings and errors from loguru to structlog, and drops its verbose rest."""

from typing import TYPE_CHECKING

import structlog
from loguru import logger

if TYPE_CHECKING:
    from loguru import Message

_LOG = structlog.get_logger("pipecat")


def redirect_pipecat_log() -> None:
    """Send Pipecat's loguru output to structlog. Call it before importing Pipecat, which logs a banner on import."""
    logger.remove()
    logger.add(_write, level="WARNING", format="{message}", catch=False)


def _write(message: "Message") -> None:
    record = message.record
    level = _LOG.error if record["level"].no >= logger.level("ERROR").no else _LOG.warning
    level("pipecat", message=record["message"], where=f"{record['name']}:{record['line']}")
