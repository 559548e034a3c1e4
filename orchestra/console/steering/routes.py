"""Stepping into a running call: requests that do something to it, its audio, and the operator's microphone."""

import contextlib
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, HTTPException, Request, Response, WebSocket
from starlette.websockets import WebSocketDisconnect

from orchestra.bus import keys
from orchestra.console.answers import as_json, read_json
from orchestra.console.console import Console
from orchestra.console.event_stream import event_stream, message
from orchestra.console.roles import Operator, Role, requires
from orchestra.console.steering import requests
from orchestra.console.steering.acts import Acts
from orchestra.console.steering.attendance import Attendance, speaking
from orchestra.console.steering.call_state import follow_presence
from orchestra.console.steering.lease import MicrophoneLease, microphone_lease
from orchestra.console.steering.listening import live_audio, serve_listener
from orchestra.console.steering.presence import Presence
from orchestra.console.steering.take_over import TakeOver
from orchestra.console.steering.targets import TransferTargets
from orchestra_schemas import (
    CallEndRequested,
    CallTransferRequested,
    Event,
    OperatorHandedBack,
    OperatorPassedOn,
    OperatorSaid,
    OperatorWhispered,
)

_Operating = Annotated[Operator, requires(Role.OPERATE)]
#: close codes of WebSockets, an application's own: 4000 and the HTTP status
_NOT_FOUND, _CONFLICT, _UNAVAILABLE = 4404, 4409, 4503
_STORED_WITHIN_S = 3.0


def router(console: Console) -> APIRouter:
    """The routes of this section."""
    api, acts, attendance = APIRouter(), Acts(console), Attendance()
    console.while_connected("listener leases", attendance.renew_leases)
    targets = TransferTargets(console.settings)
    _add_acts(api, acts, targets)
    _add_state(api, console, acts, targets)

    @api.websocket("/api/calls/{call}/listen")
    async def listen(websocket: WebSocket, call: str, operator: _Operating) -> None:
        await websocket.accept()
        if await _refusal(acts, websocket, call):
            return
        async with contextlib.aclosing(live_audio(console.bus, call)) as entries:
            await entries.start()
            console.audit.log(operator, "listened", call)
            async with attendance.listening(console.publisher.publish, call, operator.name) as departure:
                await serve_listener(websocket, entries, call, departure)

    @api.websocket("/api/calls/{call}/take-over")
    async def speak(websocket: WebSocket, call: str, operator: _Operating) -> None:
        """Have the operator's microphone be the voice of the call; see `TakeOver` for the messages.

        Closed with 4404 without such a call, 4409 if it is over or another page has it, 4503 while Redis is away.
        """
        await websocket.accept()
        if await _refusal(acts, websocket, call):
            return
        bus, publisher = console.bus, console.publisher
        async with (
            microphone_lease(bus, call, operator.name) as lease,
            contextlib.aclosing(bus.follow([keys.partition_of(call)])) as entries,
        ):
            if not isinstance(lease, MicrophoneLease):
                await _refuse(websocket, _CONFLICT, f"{lease} has taken the call over")
                return
            await entries.start()
            console.audit.log(operator, "took over", call)
            async with speaking(publisher.publish, call, operator.name) as departure:
                try:
                    await publisher.flush(_STORED_WITHIN_S)
                except TimeoutError:
                    await _refuse(websocket, _UNAVAILABLE, "Redis does not answer")
                    return
                take_over = TakeOver(websocket, publisher, entries, lease, call=call, operator=operator.name)
                await take_over.serve(departure)

    return api


def _add_acts(api: APIRouter, acts: Acts, targets: TransferTargets) -> None:
    @api.post("/api/calls/{call}/say")
    async def say(request: Request, call: str, operator: _Operating) -> Response:
        body = await read_json(request, requests.Say)
        event = OperatorSaid(call=call, operator=operator.name, text=requests.sentence(body.text))
        return _done(await acts.do(event, operator, request=body.request, action="said"))

    @api.post("/api/calls/{call}/whisper")
    async def whisper(request: Request, call: str, operator: _Operating) -> Response:
        body = await read_json(request, requests.Whisper)
        event = OperatorWhispered(call=call, operator=operator.name, note=requests.whispered(body.note))
        return _done(await acts.do(event, operator, request=body.request, action="whispered"))

    @api.post("/api/calls/{call}/hand-back")
    async def hand_back(request: Request, call: str, operator: _Operating) -> Response:
        body = await read_json(request, requests.HandBack)
        event = OperatorHandedBack(call=call, operator=operator.name, note=requests.optional(body.note))
        return _done(await acts.do(event, operator, request=body.request, action="handed back"))

    @api.post("/api/calls/{call}/transfer")
    async def transfer(request: Request, call: str, operator: _Operating) -> Response:
        """Give the call to a person now, or to an agent or app from the caller's next words on.

        Whether there is such an agent or app is not asked again for a request that was done: it may have gone since.
        """
        body = await read_json(request, requests.Transfer)
        briefing = requests.optional(body.briefing)
        event: Event
        if requests.goes_to_person(body):
            target = requests.person(body.target)
            event = CallTransferRequested(call=call, target=target, briefing=briefing, operator=operator.name)
        else:
            app = (await acts.presence(call)).app
            if not await acts.was_done(call, body.request):
                requests.check_target(body, app, (await targets.get()).agents)
            event = OperatorPassedOn(
                call=call, operator=operator.name, agent=body.agent, app=body.app, briefing=briefing
            )
        return _done(await acts.do(event, operator, request=body.request, action="transferred"))

    @api.post("/api/calls/{call}/end")
    async def end(request: Request, call: str, operator: _Operating) -> Response:
        body = await read_json(request, requests.End)
        event = CallEndRequested(call=call, reason=requests.reason(body.reason), operator=operator.name)
        return _done(await acts.do(event, operator, request=body.request, action="ended"))


def _add_state(api: APIRouter, console: Console, acts: Acts, targets: TransferTargets) -> None:
    @api.get("/api/calls/{call}/operators", dependencies=[requires(Role.READ)])
    async def operators(call: str) -> Response:
        """Who is in the call: a JSON value at once and whenever it has changed, as server-sent events."""
        await acts.presence(call)

        async def messages() -> AsyncIterator[bytes]:
            async with contextlib.aclosing(follow_presence(console.bus, call)) as changes:
                async for presence in changes:
                    yield message(presence.for_pages())

        return event_stream(messages())

    @api.get("/api/calls/{call}/transfer-targets", dependencies=[requires(Role.OPERATE)])
    async def transfer_targets(call: str) -> Response:
        """Whom the call can go to: ``people``, other ``agents`` of its app, and other ``apps``."""
        app = (await acts.presence(call)).app
        known = await targets.get()
        apps = tuple(name for name in known.agents if name != app)
        return as_json({"people": known.people, "agents": known.agents.get(app, ()), "apps": apps})


def _done(now: bool) -> Response:
    return as_json({"done": True, "repeated": not now})


async def _refusal(acts: Acts, websocket: WebSocket, call: str) -> bool:
    """Whether the socket was refused, because there is nothing to step into."""
    try:
        presence: Presence = await acts.presence(call)
    except HTTPException as error:
        await _refuse(websocket, _NOT_FOUND, str(error.detail))
        return True
    if not presence.running:
        await _refuse(
            websocket, _CONFLICT, "the call is over" if presence.state == "ended" else "the call has been transferred"
        )
        return True
    return False


async def _refuse(websocket: WebSocket, code: int, reason: str) -> None:
    with contextlib.suppress(RuntimeError, OSError, WebSocketDisconnect):  # the page is gone
        await websocket.close(code, reason[:100])
