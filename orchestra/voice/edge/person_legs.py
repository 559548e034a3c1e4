"""The call to the person of a three-way call: placed like any call, and known by its id to whichever edge has it.

::

    caller ── stream ── edge A ──┐ media stream of the caller's call ┌── edge B ── stream ── person
                        agents   └───────────────────────────────────┘
"""

import asyncio

import msgspec
import structlog
from redis.exceptions import RedisError

from orchestra.bus import Bus
from orchestra.bus.keys import partition_of
from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import CarrierError, RejectedError, SettingError
from orchestra.voice.carriers.port import Carrier
from orchestra.voice.edge.edge import Edge
from orchestra.voice.edge.three_way_check import carrier_for_person
from orchestra_schemas import OperatorLeft

_LOG = structlog.get_logger("orchestra.voice")

_ANSWER_WITHIN_S = 3.0
#: longer than any call lasts
_KEPT_S = 24 * 3600


class PersonLeg(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of such a call.

    Attributes:
        call: the call that the person is to join.
        person: the number or SIP address that is rung, under which the person is known in that call.
        over: the person has left, or is not wanted any more.

    """

    call: str
    person: str
    over: bool = False


class PersonLegs:
    """Remembers calls to persons, by their ids."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def keep(self, leg: str, known: PersonLeg) -> None:
        """Remember this of the call with the id ``leg``.

        Raises:
            RedisError, TimeoutError: it cannot be kept.

        """
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            await self._bus.connection(partition_of(leg)).call(
                "SET", self._bus.key(leg, "person", leg), msgspec.json.encode(known), "EX", _KEPT_S
            )

    async def find(self, call: str) -> PersonLeg | None:
        """What is remembered of the call; None if it is none to a person.

        Raises:
            RedisError, TimeoutError: it cannot be read.

        """
        try:
            partition, key = partition_of(call), self._bus.key(call, "person", call)
        except ValueError:
            return None  # not an id of ours
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            stored = await self._bus.connection(partition).call("GET", key)
        return None if stored is None else msgspec.json.decode(stored, type=PersonLeg)


async def ring_person(edge: Edge, call: str, person: str) -> None:
    """Have the person rung who is to join the call. Where nobody can be rung, they have left before they came."""
    leg = edge.bus.new_call(edge.homes.partitions)
    try:
        await PersonLegs(edge.bus).keep(leg, PersonLeg(call=call, person=person))
        provider_call = await _carrier_for(edge, person).place_call(leg, person)
    except (CarrierError, SettingError, RejectedError, RedisError, TimeoutError) as error:
        _LOG.warning("person.not_rung", call=call, reason=str(error))
        edge.publisher.publish(OperatorLeft(call=call, operator=person, reason=str(error)[:200]))
        return
    _LOG.info("person.rung", call=call, leg=leg, provider_call=provider_call)


async def person_gone(edge: Edge, leg: str, known: PersonLeg, reason: str) -> None:
    """The person's call is over: the caller's agents are told, once."""
    if known.over:
        return
    await not_wanted(edge, leg, known)
    edge.publisher.publish(OperatorLeft(call=known.call, operator=known.person, reason=reason, at=SYSTEM_CLOCK.time()))


async def not_wanted(edge: Edge, leg: str, known: PersonLeg) -> None:
    """The person's call is to end, and gets no other stream; the caller's agents know."""
    try:
        await PersonLegs(edge.bus).keep(leg, msgspec.structs.replace(known, over=True))
    except (RedisError, TimeoutError) as error:
        _LOG.warning("person.not_noted", call=known.call, error=repr(error))


def _carrier_for(edge: Edge, person: str) -> Carrier:
    """The carrier that rings this person; the gateway comes last of an edge's carriers, if there is one."""
    settings, name = edge.settings, carrier_for_person(edge.settings, person)
    if name != settings.carrier and not settings.sip:
        msg = f"{person} needs the SIP gateway: set ORCHESTRA_SIP"
        raise SettingError(msg)
    return edge.carriers[0 if name == settings.carrier else -1]
