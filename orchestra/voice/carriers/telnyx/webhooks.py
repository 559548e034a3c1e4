"""Telnyx's webhooks: each is checked, and what it says is acted on before it is answered.

An event that cannot be acted on is answered with 503: Telnyx sends it again, also to another edge.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from fastapi import Request, Response

from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import RejectedError
from orchestra.settings import Settings
from orchestra.voice.carriers.port import Answered, CallControl
from orchestra.voice.carriers.telnyx import events
from orchestra.voice.carriers.telnyx.call_flow import CallFlow
from orchestra.voice.carriers.telnyx.events import Event
from orchestra.voice.carriers.telnyx.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, WebhookKey
from orchestra.web_server.request_body import read_body


class Webhooks:
    """The webhooks of one Telnyx account."""

    def __init__(self, settings: Settings, key: WebhookKey, flow: CallFlow, control: CallControl) -> None:
        self._settings = settings
        self._key = key
        self._flow = flow
        self._control = control
        self._handlers: dict[str, Callable[[Event], Awaitable[None]]] = {
            "call.initiated": self._initiated,
            "call.answered": self._answered,
            "call.machine.detection.ended": self._machine_detected,
            "call.machine.greeting.ended": self._greeting_ended,
            "streaming.stopped": self._stream_ended,
            "streaming.failed": self._stream_ended,
            "call.conversation.ended": self._stream_ended,
            "call.gather.ended": self._gathered,
            "call.speak.ended": self._said,
            "call.hangup": self._hung_up,
        }
        self._kinds = frozenset(self._handlers)

    async def act(self, event: Event | None) -> Response:
        """Act on an event.

        Raises:
            CarrierError: it cannot be acted on at the moment.

        """
        if event is not None:
            await self._handlers[event.kind](event)
        return Response(status_code=200)

    async def read(self, request: Request) -> Event | None:
        """The event, once its signature is checked; None for one that means nothing to us.

        Raises:
            RejectedError: it is not Telnyx's.

        """
        body = await read_body(request, events.LONGEST_EVENT)
        signature = request.headers.get(SIGNATURE_HEADER, "")
        self._key.check(body, request.headers.get(TIMESTAMP_HEADER, ""), signature, SYSTEM_CLOCK.time())
        event = events.read(body, signature, self._kinds)
        if event is not None and event.state.call and not self._control.is_call(event.state.call):
            msg = "the client state names a call that cannot be one of this platform's"
            raise RejectedError(msg)
        return event

    async def _initiated(self, event: Event) -> None:
        """A call comes in, or a call of ours begins to ring."""
        if event.payload.direction == "incoming" and not event.state.call:
            await self._flow.proceed(event.report(), self._control.offer)

    async def _answered(self, event: Event) -> None:
        """A leg was answered: by the person of a transfer, by us, or by somebody whom we call."""
        state = event.state
        if event.is_person:
            await self._flow.person_answered(event.leg, state.call)
        elif state.busy:
            await self._flow.say(event.leg, f"{event.leg}.busy", state.busy, state.language)
        elif state.direction == "outbound" and not self._waits_for_detection:
            await self._flow.proceed(event.report(), self._control.offer)
        elif state.direction == "inbound" and state.token and self._settings.telnyx_media == "relay":
            await self._flow.start_relay(event.leg, state)

    @property
    def _waits_for_detection(self) -> bool:
        return self._settings.machine_detection and not self._settings.machine_detection_async

    async def _machine_detected(self, event: Event) -> None:
        """Who answered is known. A machine says its greeting first: what we say would not be recorded."""
        if event.answered.by != "machine":
            await self._who_answered(event, event.answered)

    async def _greeting_ended(self, event: Event) -> None:
        await self._who_answered(event, event.answered)

    async def _who_answered(self, event: Event, answered: Answered) -> None:
        if not event.state.call or event.is_person:
            return
        if self._waits_for_detection:
            await self._flow.proceed(replace(event.report(), answered=answered), self._control.offer)
        else:
            await self._control.answered(event.state.call, answered)

    async def _stream_ended(self, event: Event) -> None:
        """The media stream or the conversation relay has ended, or could not be opened."""
        if event.state.call and not event.is_person:
            await self._flow.proceed(event.report(), self._control.after_stream)

    async def _gathered(self, event: Event) -> None:
        """The person of a transfer has pressed a key, or none."""
        if event.is_person:
            await self._flow.accept(event.leg, event.state, event.payload.digits or "")

    async def _said(self, event: Event) -> None:
        """The caller without a line knows it."""
        if event.state.busy:
            await self._flow.hang_up(event.leg)

    async def _hung_up(self, event: Event) -> None:
        """A leg is over."""
        report = event.report()
        if event.is_person:
            status = event.payload.hangup_cause or "unspecified"
            await self._flow.stop_music(event.state)
            await self._flow.proceed(replace(report, transfer_status=status), self._control.after_transfer)
        else:
            await self._control.ended(replace(report, end_reason=event.end_reason))
            await self._flow.stop_ringing(report.call)
