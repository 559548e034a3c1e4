"""What the calls of one edge process share."""

import random
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from orchestra.bus import Bus, Publisher
from orchestra.endpointing import Endpointing
from orchestra.language import DEFAULT_LANGUAGE
from orchestra.refusal_log import Refusals
from orchestra.settings import Settings
from orchestra.voice.call.call import Script
from orchestra.voice.call.speculation import Speculation
from orchestra.voice.carriers.call_lookup import CarrierCallIndex
from orchestra.voice.carriers.port import Carrier, Parties
from orchestra.voice.carriers.rate_limit import RateLimit
from orchestra.voice.carriers.registry import local_url, open_carriers
from orchestra.voice.edge.admission import CallAdmission
from orchestra.voice.edge.bearer_auth import RefusalThrottle
from orchestra.voice.edge.calls_without_stream import LostCalls
from orchestra.voice.edge.metrics import TurnLatency
from orchestra.voice.edge.pending_connections import PendingConnections
from orchestra.voice.edge.phrase_cache import Phrase, PhraseCache
from orchestra.voice.edge.reply_dispatcher import ReplyDispatcher

if TYPE_CHECKING:
    from orchestra.voice.engines.factory import Engines

#: few, so that this edge reads few events of other edges' calls
_HOMES = 2
#: sockets that have not said yet whose stream they are, for each call that the edge may take
_PENDING_PER_CALL = 2


class EdgeApp(Protocol):
    """What the edge needs of an `orchestra.App`: its name, and the phrases that the edge itself says."""

    @property
    def name(self) -> str:
        """The app's name."""

    @property
    def version(self) -> str:
        """The version in the edge's events: that of the package and that of the app."""

    @property
    def greeting(self) -> str:
        """The first words of a call."""

    @property
    def holding(self) -> str:
        """Said while the rest of the platform is away."""

    @property
    def apology(self) -> str:
        """Said when the caller's words were lost."""

    @property
    def still_there(self) -> str:
        """Said to a caller who has been silent for a while; empty: nothing."""

    @property
    def transfer_failed(self) -> str:
        """Said when no person took the call."""

    @property
    def voicemail(self) -> str:
        """Said to an answering machine; empty: nothing."""

    @property
    def endpointing_by_agent(self) -> Mapping[str, Endpointing]:
        """How patient each agent is with a caller who pauses; "" for the agent that answers first."""

    @property
    def fillers(self) -> Iterable[tuple[str, str]]:
        """Said while a tool is slow, each with the voice that says it."""


@dataclass(slots=True)
class Edge:
    """What the calls of one process share. ``script`` changes when the app is reloaded; running calls keep theirs."""

    settings: Settings
    bus: Bus
    engines: "Engines"
    script: Script
    publisher: Publisher
    carriers: list[Carrier]
    admission: CallAdmission
    homes: list[int]
    dispatcher: ReplyDispatcher
    public_url: str
    lost: LostCalls
    phrase_cache: PhraseCache
    call_index: CarrierCallIndex
    refusals: Refusals
    pending: PendingConnections
    dial_rate: RateLimit
    throttle: RefusalThrottle
    speculation: Speculation
    turn_latency: TurnLatency = field(default_factory=TurnLatency)

    def use_app(self, app: EdgeApp) -> None:
        """Use this version of the app for the calls that begin from now on."""
        self.script = script(self.settings, app)
        self.publisher.version = app.version
        self.phrase_cache.use_phrases(phrases(self.settings, app))

    def script_of(self, parties: Parties, answered_by: str) -> Script:
        """What the edge says in this call; ``answered_by`` is empty where that is not known."""
        if parties.direction == "outbound" and answered_by == "machine":
            return replace(self.script, consent="", greeting=self.script.voicemail, hangs_up=True)
        return self.script


def script(settings: Settings, app: EdgeApp) -> Script:
    """What the edge says, and how long a call may last, by app and settings.

    Its phrases are in the words that are spoken, like the sentences of a model: an agent says some of them, too, and
    finds them cached.
    """
    spoken = DEFAULT_LANGUAGE.to_speech
    return Script(
        app=app.name,
        consent=spoken(settings.recording_consent),
        greeting=spoken(app.greeting),
        holding=spoken(app.holding),
        apology=spoken(app.apology),
        bridges=_bridges(app.holding),
        bridge_after_s=settings.bridge_after_s,
        still_there=spoken(app.still_there),
        transfer_failed=spoken(app.transfer_failed),
        voicemail=spoken(app.voicemail),
        endpointing=app.endpointing_by_agent,
        max_call_s=settings.max_call_s,
        caller_silence_s=settings.caller_silence_s,
    )


def _bridges(holding: str) -> tuple[str, ...]:
    """The phrases that begin a late reply; an app with a holding phrase of its own, or with none, has no others."""
    ours = DEFAULT_LANGUAGE.phrases
    return ours.bridges if holding == ours.holding else ()


def phrases(settings: Settings, app: EdgeApp) -> list[Phrase]:
    """The phrases to be cached, each with its voice; none if the settings turn the cache off."""
    if not settings.prerender:
        return []
    return [*((text, "") for text in script(settings, app).phrases), *app.fillers]


def open_edge(settings: Settings, bus: Bus, engines: "Engines", app: EdgeApp) -> Edge:
    """Put the parts of an edge together.

    Raises:
        SettingError: there is no such carrier, or a setting that it needs is missing.

    """
    carriers = open_carriers(settings)
    for carrier in carriers:
        carrier.check_settings()
    admission = CallAdmission(settings.max_calls)
    homes = random.sample(range(bus.partitions), k=min(_HOMES, bus.partitions))
    publisher = bus.publisher(settings.edge_name or f"edge-{secrets.token_hex(2)}", version=app.version)
    return Edge(
        settings=settings,
        bus=bus,
        engines=engines,
        script=script(settings, app),
        publisher=publisher,
        carriers=carriers,
        admission=admission,
        homes=homes,
        dispatcher=ReplyDispatcher(bus, homes, admission.find),
        public_url=local_url(settings),
        lost=LostCalls(bus, publisher, admission.find, settings.reconnect_s),
        call_index=CarrierCallIndex(bus),
        refusals=Refusals(),
        pending=PendingConnections(_PENDING_PER_CALL * settings.max_calls),
        dial_rate=RateLimit(settings.dial_per_minute / 60, 60.0, 0.0),
        throttle=RefusalThrottle(),
        speculation=Speculation(settings.speculate, engines.are_busy),
        phrase_cache=PhraseCache(engines, settings.data_dir / "phrases", phrases(settings, app)),
    )
