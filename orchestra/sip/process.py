"""The process of a gateway: its priority, its log, and its end."""

import logging
import os
import sys

import structlog

from orchestra.async_tasks import end_signal
from orchestra.settings import Settings
from orchestra.sip import stack
from orchestra.sip.control_server import ControlServer
from orchestra.sip.gateway import Gateway

_LOG = structlog.get_logger("orchestra.sip")

_PRIORITY = 5


async def run_gateway(settings: Settings) -> None:
    """Run a gateway until SIGTERM or SIGINT. Then it takes no more calls, waits for the running ones, and exits.

    Raises:
        UsageError: the operator must change something: an address in use, an impossible setting.

    """
    realtime = take_realtime_priority()
    redirect_stack_log()
    gateway = Gateway(settings)
    control = ControlServer(gateway, settings)
    ended = end_signal()
    await control.start()
    try:
        await gateway.start()
        _LOG.info(
            "sip.ready",
            sip=f"sip:{stack.listening(settings).domain}",
            edges=gateway.edges.urls,
            max_calls=settings.sip_max_calls,
            allowed=settings.sip_allow,
            realtime=realtime,
        )
        await ended.wait()
        _LOG.info("sip.draining", calls=len(gateway.calls), for_s=settings.sip_drain_s)
        await gateway.drain(settings.sip_drain_s)
        await gateway.close()
    finally:
        await control.close()
    _LOG.info("sip.stopped")


def take_realtime_priority() -> bool:
    """Have this process, and the threads that it starts, run before others when a core is wanted by several.

    Without it the delay of what is sent grows on a busy machine, a frame each time that the sending thread is late.
    """
    if sys.platform != "linux":
        _LOG.warning("sip.no_realtime", reason="only Linux has it")
        return False
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(_PRIORITY))
    except PermissionError:
        cure = "allow it (docker: --ulimit rtprio=5; systemd: LimitRTPRIO=5; or CAP_SYS_NICE)"
        _LOG.warning("sip.no_realtime", reason=f"calls may be delayed while this machine is busy: {cure}")
        return False
    return True


class _StackLog(logging.Handler):
    """What the stack says, in our log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        _LOG.warning("sip.stack", said=record.getMessage().strip()[:500])


def redirect_stack_log() -> None:
    """Send the warnings of the stack to our log, and nothing else of it: it says a line or two of each call."""
    logger = logging.getLogger("baresip")
    logger.handlers, logger.propagate = [_StackLog()], False
    logger.setLevel(logging.WARNING)
