"""What the calls of one edge process share."""

import asyncio
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from orchestra.app_phrases import EdgeLines
from orchestra.bus import Bus, Publisher
from orchestra.bus.vault import Vault
from orchestra.clock import SYSTEM_CLOCK
from orchestra.history.ending import HangUp
from orchestra.history.resume import ResumeState
from orchestra.rate_limit import RateLimit
from orchestra.refusal_log import Refusals
from orchestra.settings import Settings
from orchestra.storage.secrets import vault_key
from orchestra.versions.store import Splits
from orchestra.voice.audio.noise_suppression import check_installed
from orchestra.voice.call.script import Script
from orchestra.voice.call.speculation import Speculation
from orchestra.voice.carriers.call_lookup import CarrierCallIndex
from orchestra.voice.carriers.port import Carrier, Parties
from orchestra.voice.carriers.registry import local_url, open_carriers
from orchestra.voice.edge.admission import CallAdmission
from orchestra.voice.edge.answering import Answering, EdgeApp
from orchestra.voice.edge.calls_without_stream import LostCalls
from orchestra.voice.edge.hold_music import HoldMusicShelf
from orchestra.voice.edge.homes import Homes
from orchestra.voice.edge.metrics import TurnLatency
from orchestra.voice.edge.phrase_cache import PhraseCache
from orchestra.voice.edge.reply_dispatcher import ReplyDispatcher
from orchestra.voice.edge.three_way_check import check_three_way
from orchestra.web_server.bearer_auth import RefusalThrottle
from orchestra.web_server.pending_connections import PendingConnections

if TYPE_CHECKING:
    from orchestra.voice.engines.factory import Engines

#: few, so that this edge reads few events of other edges' calls
#: sockets that have not said yet whose stream they are, for each call that the edge may take
_PENDING_PER_CALL = 2


@dataclass(slots=True)
class Edge:
    """What the calls of one process share. ``answering`` changes when an app is reloaded; running calls keep theirs."""

    settings: Settings
    bus: Bus
    engines: "Engines"
    answering: Answering
    publisher: Publisher
    carriers: list[Carrier]
    admission: CallAdmission
    homes: Homes
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
    hold_music: HoldMusicShelf
    vault: Vault
    splits: Splits
    turn_latency: TurnLatency = field(default_factory=TurnLatency)

    async def use_app(self, app: EdgeApp | EdgeLines) -> None:
        """Use this version of the app, or of all apps, for the calls that begin from now on.

        Raises:
            SettingError: the hold music of a line cannot be used; the edge stays as it was.

        """
        answering = _answering(self.settings, app, self.splits)
        check_three_way(self.settings, answering.apps)
        await asyncio.to_thread(self.hold_music.load, answering.hold_music, sounds=answering.thinking_sounds)
        self.answering = answering
        self.publisher.version = self.answering.apps[0].version
        self.phrase_cache.use_phrases(self.answering.phrases)

    def script_of(self, parties: Parties, answered_by: str, state: ResumeState | None) -> Script:
        """What the edge says in this call; ``answered_by`` is empty where that is not known."""
        answering = self.answering
        script = answering.begin(parties, SYSTEM_CLOCK.time()) if state is None else answering.resume(state, parties)
        if parties.direction == "outbound" and answered_by == "machine":
            return replace(script.without_consent, greeting=script.voicemail, ending=HangUp())
        return script if script.recording else script.unrecorded


def _answering(settings: Settings, app: EdgeApp | EdgeLines, splits: Splits) -> Answering:
    if not isinstance(app, EdgeLines):
        return Answering(settings, [app])
    return Answering(settings, app.apps, app.plan, lambda: splits.known)


def open_edge(settings: Settings, bus: Bus, engines: "Engines", app: EdgeApp | EdgeLines) -> Edge:
    """Put the parts of an edge together.

    Raises:
        SettingError: there is no such carrier, or a setting that it needs is missing or cannot be used.
        MissingExtraError: noise is to be suppressed, and the package for it is not installed.

    """
    carriers = open_carriers(settings)
    for carrier in carriers:
        carrier.check_settings()
    check_installed(settings.noise_suppression)
    splits = Splits(bus)
    answering = _answering(settings, app, splits)
    check_three_way(settings, answering.apps)
    hold_music = HoldMusicShelf()
    hold_music.load(answering.hold_music, sounds=answering.thinking_sounds)
    admission = CallAdmission(settings.max_calls)
    homes = Homes(bus)
    publisher = bus.publisher(settings.edge_name or f"edge-{secrets.token_hex(2)}", version=answering.apps[0].version)
    return Edge(
        settings=settings,
        bus=bus,
        engines=engines,
        answering=answering,
        publisher=publisher,
        carriers=carriers,
        admission=admission,
        homes=homes,
        dispatcher=ReplyDispatcher(bus, homes.partitions, admission.find),
        public_url=local_url(settings),
        lost=LostCalls(bus, publisher, admission.find, settings.reconnect_s),
        call_index=CarrierCallIndex(bus),
        refusals=Refusals(),
        pending=PendingConnections(_PENDING_PER_CALL * settings.max_calls),
        dial_rate=RateLimit(settings.dial_per_minute / 60, 60.0, 0.0),
        throttle=RefusalThrottle(),
        speculation=Speculation(settings.speculate, engines.are_busy),
        hold_music=hold_music,
        vault=Vault(bus, vault_key(settings)),
        splits=splits,
        phrase_cache=PhraseCache(engines, settings.data_dir / "phrases", answering.phrases),
    )
