"""The gateway: its SIP stack, its calls, and the clock that carries their audio."""

import asyncio
import re
import secrets
from collections.abc import Coroutine, Iterable
from contextlib import suppress

import structlog
from baresip import (
    BaresipError,
    Call,
    CallBusy,
    CallDeclined,
    CallFailed,
    CallTimeout,
    Event,
    Runtime,
    StackEvent,
    UserAgent,
)

from orchestra.errors import CarrierError, NoEdgeError, SettingError
from orchestra.settings import Settings
from orchestra.sip import stack
from orchestra.sip.call_flow import CallFlow
from orchestra.sip.delay_watch import DelayWatch
from orchestra.sip.dial_plan import DialPlan
from orchestra.sip.edges import Edges
from orchestra.sip.peers import SocketFilter
from orchestra.sip.transfer import Ticking
from orchestra.voice.carriers.sip.addresses import SipAddress, party
from orchestra.voice.carriers.sip.messages import EndedRequest, GatewayCall
from orchestra_schemas.calls import EndReason

_LOG = structlog.get_logger("orchestra.sip")

#: half of a frame, so that a frame waits a quarter of one in the mean
_TICK_S = 0.01
#: a process that was away for longer goes on from now
_LATE_S = 0.2
_REPORT_S = 60.0
_REGISTER_AGAIN_S = 10.0
_CALL_ID = re.compile(r"[!-~]{1,96}")
_LONGEST_VALUE = 1024


class Gateway:
    """One gateway. `start` it once a process.

    Attributes:
        calls: the calls that it has.
        begun: how many there were so far.
        refused: how many were answered with 486.
        registered: whether the registrar of the settings has us.

    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.calls: dict[CallFlow, asyncio.Task[None]] = {}
        self.begun = 0
        self.refused = 0
        self.draining = False
        self.registered = False
        self.edges = Edges(settings)
        self.filter: SocketFilter | None = None
        self.delay = DelayWatch()
        self._runtime = Runtime()
        self.plan = DialPlan(settings)
        self._agents: dict[str, UserAgent] = {}
        self._registered: UserAgent | None = None
        self._ticking: dict[Ticking, None] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._headers = stack.chosen_headers(settings)

    # -- life

    async def start(self) -> None:
        """Listen.

        Raises:
            SettingError: a setting is impossible, or the address is in use.

        """
        where = stack.listening(self.settings)
        try:
            with stack.no_folder_left():
                await self._runtime.start(stack.stack_config(self.settings))
            for transport, account in stack.accounts(self.settings).items():
                self._agents[transport] = await UserAgent.create(self._runtime, account)
                self._agents[transport].on_incoming(self._incoming)
        except (BaresipError, ValueError) as error:
            msg = f"the SIP gateway cannot listen on {self.settings.sip_listen}: {error}"
            raise SettingError(msg) from error
        self.filter = SocketFilter(where.ports)
        self.filter.allow(await self.plan.refresh())
        if not self.filter.works:
            _LOG.warning("sip.not_filtered", reason="only Linux can: let a firewall admit those in ORCHESTRA_SIP_ALLOW")
        self._tasks = [
            asyncio.create_task(self._carry_audio(), name="sip audio"),
            asyncio.create_task(self._report_strangers(), name="sip strangers"),
            asyncio.create_task(self._stay_registered(), name="sip registration"),
            asyncio.create_task(self.delay.run(self.calls), name="sip delay"),
        ]

    async def _stay_registered(self) -> None:
        """Register, and try again until it succeeds; from then on the stack renews it."""
        account = stack.registration(self.settings)
        if account is None:
            return
        agent = self._registered = await UserAgent.create(self._runtime, account)
        agent.on_incoming(self._incoming)
        agent.on(self._on_registration)
        while not self.registered:
            try:
                await agent.register()
            except BaresipError as error:
                _LOG.error("sip.not_registered", at=self.settings.sip_register, reason=str(error))
                await asyncio.sleep(_REGISTER_AGAIN_S)
                # the name of the registrar may lead elsewhere by now
                if self.filter is not None:
                    self.filter.allow(await self.plan.refresh())

    def _on_registration(self, event: StackEvent) -> None:
        if event.event is Event.REGISTER_OK:
            if not self.registered:
                _LOG.info("sip.registered", at=self.settings.sip_register)
            self.registered = True
        elif event.event is Event.REGISTER_FAIL and self.registered:
            _LOG.error("sip.not_registered", at=self.settings.sip_register, reason=event.text)
            self.registered = False

    async def drain(self, seconds: float) -> None:
        """Take no more calls, and wait until the last one is over, or so long."""
        self.draining = True
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._runtime.drain()
                await asyncio.gather(*self.calls.values(), return_exceptions=True)

    async def close(self) -> None:
        """Hang up what is left, and stop."""
        for flow in list(self.calls):
            await flow.hang_up()
        await asyncio.gather(*self.calls.values(), return_exceptions=True)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.filter is not None:
            self.filter.close()
        await self._runtime.close()
        await self.edges.close()

    # -- calls

    def _incoming(self, leg: Call) -> None:
        parties = incoming_parties(leg, self._headers)
        if len(self.calls) >= self.settings.sip_max_calls:
            self.refused += 1
            _LOG.warning("sip.busy", calls=len(self.calls), provider_call=parties.provider_call)
            self._spawn(_reject(leg))
            return
        self._run(CallFlow(leg, parties, self.edges, self))

    async def place(self, call: str, to: str) -> str:
        """Call a number or a SIP address; once it is answered, an edge has it as ``call``. Returns our id of the call.

        Raises:
            RejectedError: that is neither.
            SettingError: there is no trunk for numbers.
            CarrierError: the host may not be called, all lines are in use, or the stack refuses.

        """
        target = await self.plan.target(to)
        if self.draining or len(self.calls) >= self.settings.sip_max_calls:
            msg = "the SIP gateway takes no more calls" if self.draining else "all lines of the SIP gateway are in use"
            raise CarrierError(msg)
        try:
            leg = await self.dial(target)
        except (BaresipError, ValueError) as error:
            msg = f"{target} cannot be called: {error}"
            raise CarrierError(msg) from error
        own = self.plan.registrar.user if self.plan.registrar is not None else ""
        parties = GatewayCall(
            provider_call=provider_call(leg.call_id), from_number=own, to_number=to, direction="outbound"
        )
        self._run(CallFlow(leg, parties, self.edges, self), call)
        return parties.provider_call

    async def dial(self, target: SipAddress) -> Call:
        """Have a telephone rung.

        Raises:
            BaresipError: the stack refuses.
            ValueError: that cannot be dialled.

        """
        if self._registered is not None and self.plan.trunk is not None and target.host == self.plan.trunk.host:
            return await self._registered.dial(str(target))
        transport = target.transport or ("tls" if target.scheme == "sips" else "udp")
        agent = self._agents.get(transport)
        if agent is None:
            msg = "there is no certificate for TLS: set ORCHESTRA_SIP_CERTIFICATE"
            raise ValueError(msg)
        return await agent.dial(str(target))

    def _run(self, flow: CallFlow, call: str = "") -> None:
        self.begun += 1
        _LOG.info(
            "sip.call",
            provider_call=flow.parties.provider_call,
            caller=flow.parties.from_number,
            line=flow.parties.to_number,
        )
        running = self._when_answered(flow, call) if call else flow.run()
        task = asyncio.create_task(running, name=f"call {flow.parties.provider_call}")
        self.calls[flow] = task

        def over(_: object) -> None:
            del self.calls[flow]
            self.refused += not flow.call  # no edge took it

        task.add_done_callback(over)

    async def _when_answered(self, flow: CallFlow, call: str) -> None:
        try:
            await flow.leg.wait_established(self.settings.ring_s)
        except (BaresipError, TimeoutError) as error:
            reason = end_reason(error)
            _LOG.info("sip.not_answered", call=call, reason=reason, said=str(error))
            with suppress(NoEdgeError):
                await self.edges.ask(f"/{call}/ended", EndedRequest(parties=flow.parties, end_reason=reason))
            await flow.hang_up()
            return
        await flow.run(call)

    # -- what transfers need of it

    @property
    def ring_s(self) -> float:
        """How long a telephone may ring."""
        return self.settings.ring_s

    async def target(self, to: str) -> SipAddress:
        """The address that is dialled for a number or a SIP address, see `DialPlan.target`."""
        return await self.plan.target(to)

    def carry(self, ticking: Ticking) -> None:
        """Call it at each tick."""
        self._ticking[ticking] = None

    def drop(self, ticking: Ticking) -> None:
        """No more."""
        self._ticking.pop(ticking, None)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.append(task)
        task.add_done_callback(self._tasks.remove)

    # -- by the clock

    async def _carry_audio(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + _TICK_S, loop.time() - _LATE_S)
            await asyncio.sleep(max(0.0, due - loop.time()))
            for each in list(self._ticking):
                await each.send()

    async def _report_strangers(self) -> None:
        """Say at most once a minute that somebody who may not call has tried."""
        known = 0
        while self.filter is not None:
            await asyncio.sleep(_REPORT_S)
            if (dropped := self.filter.dropped) > known:
                _LOG.warning("sip.strangers", packets=dropped - known, allowed=self.settings.sip_allow)
            known = dropped


async def _reject(leg: Call) -> None:
    with suppress(BaresipError):
        await leg.reject()


def end_reason(error: BaseException) -> EndReason:
    """Why a call that we placed was not answered."""
    match error:
        case CallBusy() | CallDeclined():
            return "busy"
        case CallTimeout() | CallFailed(status=408 | 480 | 487):
            return "no_answer"
        case _:
            return "failed"


def incoming_parties(leg: Call, chosen: Iterable[str]) -> GatewayCall:
    """Who calls whom, by the headers of the INVITE; the ``chosen`` ones are variables."""
    headers = {name.lower(): value for name, value in leg.headers.items()}
    caller, name = party(headers.get("p-asserted-identity") or headers.get("from", ""))
    called, _ = party(headers.get("to", ""))
    variables = {each: headers[each.lower()][:_LONGEST_VALUE] for each in chosen if each.lower() in headers}
    if name:
        variables["caller_name"] = name[:_LONGEST_VALUE]
    return GatewayCall(
        provider_call=provider_call(leg.call_id), from_number=caller[:256], to_number=called[:256], variables=variables
    )


def provider_call(call_id: str | None) -> str:
    """Our id of a SIP call: its Call-ID, made unique, since some telephones count from 1 at each start."""
    known = call_id if call_id and _CALL_ID.fullmatch(call_id) else "sip"
    return f"{known}.{secrets.token_hex(4)}"
