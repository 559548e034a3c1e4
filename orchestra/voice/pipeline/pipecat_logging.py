"""Pipecat logs through loguru, at length: its warnings and errors go to our log, the rest nowhere."""

from typing import TYPE_CHECKING

import structlog
from loguru import logger

if TYPE_CHECKING:
    from loguru import Message

_LOG = structlog.get_logger("pipecat")


def redirect_pipecat_log() -> None:
    """Do that for this process; call it before Pipecat is imported, which greets with a banner."""
    logger.remove()
    logger.add(_write, level="WARNING", format="{message}", catch=False)


def _write(message: "Message") -> None:
    record = message.record
    level = _LOG.error if record["level"].no >= logger.level("ERROR").no else _LOG.warning
    level("pipecat", message=record["message"], where=f"{record['name']}:{record['line']}")
