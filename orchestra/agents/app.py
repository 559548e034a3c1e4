"""An app: the team of agents that answers one kind of call, and everything that the team shares."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import cached_property
from inspect import isasyncgenfunction
from typing import Any

from orchestra.agents.agent import Agent
from orchestra.agents.app_checks import as_tuple, check_endpointing, check_speed, check_text
from orchestra.agents.builtin import end_call, search_tool, transfer_call
from orchestra.agents.fingerprint import fingerprint
from orchestra.agents.knowledge import Knowledge
from orchestra.agents.rule import Rule
from orchestra.agents.tool import Tool, ToolSource
from orchestra.agents.transfer_tool import TransferTool
from orchestra.endpointing import DEFAULT_ENDPOINTING, Endpointing
from orchestra.errors import AppError
from orchestra.language import DEFAULT_LANGUAGE, Language
from orchestra.lines import absolute_sound
from orchestra.lines.dialled import split_extension
from orchestra.pronunciations import Pronunciations
from orchestra.version import package_version


@dataclass(frozen=True, kw_only=True)
class App:
    """The team that answers a call.

    Attributes:
        name: letters, digits and underscores.
        agents: the team.
        entry: name of the agent that answers first.
        greeting: said when the call starts; empty: the caller speaks first.
        apology: said when the model fails or takes too long.
        holding: said by the edge to a caller who has to wait, whatever the reason. With the default, shorter phrases
            come first.
        still_there: said by the edge to a caller who has been silent for a long time, before it hangs up; empty:
            nothing.
        transfer_failed: said by the edge when no person took the call and the caller is back with the agents.
        voicemail: said to the answering machine that takes an outbound call; empty: the edge hangs up silently.
        introduction: who calls and why, said to a robot that screens an outbound call for its owner; empty: the
            greeting.
        knowledge: pages that agents with ``knowledge=True`` may search.
        rules: functions marked with `orchestra.rule`, applied in this order to every sentence.
        transfer_target: where ``transfer_call`` leads: a number (E.164), with an extension
            (``+15550123,,204``) where the carrier can press one, or a SIP address; empty: there is no such tool.
        three_way: ``transfer_call`` has the person join the caller and the agents on the line, in place of taking the
            caller away: the agent says its briefing to both, and then listens until the person leaves, by the key ``*``
            or by hanging up. Edges that could not have the person's voice do not start.
        redact: what must not leave the platform, in addition to card numbers, phone numbers and e-mail addresses:
            regular expressions by the word that replaces them in logs and traces (``{"account": "AC[0-9]{6}"}``).
        transfers: names of other apps, or of agents of theirs, to which ``transfer_call`` may lead, too, where they are
            among the same `Lines`. The other app takes over the same call with its own greeting, voices and tools, and
            gets the briefing.
        remembers_callers: agents know the caller's earlier calls: when, with whom, first and last words. Kept for
            ``ORCHESTRA_SESSION_TTL_S`` under a keyed hash of the number, for complete E.164 numbers only. A caller's
            number can be forged, so let nothing depend on it.
        lifespan: opens what the tools need (connections, files) when an execution worker starts, and closes it when
            it stops; tools get what it yields as ``ToolContext.resources``.
        endpointing: how patient its agents are with a caller who pauses, unless an agent has its own.
        thinking_sound: what a caller hears, quietly, while agents are at work and nothing is said: a WAV file of 16-bit
            PCM, which is repeated, or ``"melody"``; empty: nothing.
        speed: how fast its agents speak, unless an agent has its own, 0.7 to 1.2; 1.0 is the voice's own pace. A caller
            may ask for it slower or faster, and hears numbers slower that are said again.
        pronunciations: how names and products are said that the speech engine would read wrongly, by what is written:
            ``{"Nguyen": "win", "Łódź": "/wudʑ/"}``, with IPA between slashes for engines that take it. What is recorded
            and shown stays as it is written.

    """

    name: str
    agents: tuple[Agent, ...]
    entry: str
    greeting: str = ""
    apology: str = DEFAULT_LANGUAGE.phrases.apology
    holding: str = DEFAULT_LANGUAGE.phrases.holding
    still_there: str = DEFAULT_LANGUAGE.phrases.still_there
    transfer_failed: str = DEFAULT_LANGUAGE.phrases.transfer_failed
    voicemail: str = ""
    introduction: str = ""
    knowledge: Knowledge | None = None
    rules: tuple[Rule, ...] = ()
    transfer_target: str = ""
    three_way: bool = False
    transfers: tuple[str, ...] = ()
    remembers_callers: bool = False
    redact: Mapping[str, str] = field(
        default_factory=dict, hash=False
    )  # an app is the key of caches, so it has to be hashable
    lifespan: Callable[[], AbstractAsyncContextManager[Any]] | None = None
    endpointing: Endpointing = DEFAULT_ENDPOINTING
    thinking_sound: str = ""
    speed: float = 1.0
    pronunciations: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        """Report common mistakes where they are made.

        Raises:
            AppError: a part has the wrong type; the message says which, and how to write it.

        """
        check_text(self.name, "an app's name")
        here = f"app {self.name!r}:"
        agents = as_tuple(self.agents, Agent, f"{here} agents", cure="write agents=(Agent(…), …)")
        rules = as_tuple(
            self.rules, Rule, f"{here} rules", cure="mark the function with @rule, and write rules=(it, …)"
        )
        object.__setattr__(self, "agents", agents)
        object.__setattr__(self, "rules", rules)
        cure = 'name other apps, as in transfers=("billing",)'
        object.__setattr__(self, "transfers", as_tuple(self.transfers, str, f"{here} transfers", cure=cure))
        phrases = ("greeting", "apology", "holding", "still_there", "transfer_failed", "voicemail", "introduction")
        for name in ("entry", *phrases):
            check_text(getattr(self, name), f"{here} {name}")
        check_text(self.transfer_target, f"{here} transfer_target")
        if self.three_way and (not self.transfer_target or split_extension(self.transfer_target)[1]):
            msg = f"{here} three_way needs a transfer_target without an extension: the number or address of the person"
            raise AppError(msg)
        if not isinstance(self.knowledge, Knowledge | None):
            msg = f'{here} knowledge is {type(self.knowledge).__name__}: write knowledge=Knowledge("folder")'
            raise AppError(msg)
        if not isinstance(self.redact, Mapping):
            msg = f'{here} redact is {type(self.redact).__name__}: write redact={{"account": "AC[0-9]{{6}}"}}'
            raise AppError(msg)
        if self.lifespan is not None and (isasyncgenfunction(self.lifespan) or not callable(self.lifespan)):
            msg = f"{here} lifespan is not a context manager: mark the function with @contextlib.asynccontextmanager"
            raise AppError(msg)
        check_endpointing(self.endpointing, here)
        check_speed(self.speed, here)
        check_text(self.thinking_sound, f"{here} thinking_sound")
        Pronunciations(self.pronunciations).checked(here)
        object.__setattr__(self, "thinking_sound", absolute_sound(self.thinking_sound))

    @cached_property
    def version(self) -> str:
        """The package's version and a hash of everything that decides how this app answers: ``0.1.0+3f2a9c1d7b20``."""
        return f"{package_version()}+{fingerprint(self)}"

    @property
    def language(self) -> Language:
        """The language that its agents and callers speak."""
        return DEFAULT_LANGUAGE

    @cached_property
    def team(self) -> dict[str, Agent]:
        """The agents by name."""
        return {agent.name: agent for agent in self.agents}

    @cached_property
    def sources(self) -> tuple[ToolSource, ...]:
        """Where its tools come from that may change while it runs, such as MCP servers."""
        found = (tool.source for agent in self.agents for tool in agent.tools)
        return tuple(dict.fromkeys(source for source in found if source is not None))

    @property
    def revision(self) -> int:
        """Grows whenever its tools change; most apps' tools never do."""
        return sum(source.revision for source in self.sources)

    @property
    def tools(self) -> dict[str, Tool]:
        """Every tool of the app by name, the built-in ones included."""
        return self._tools(self.revision)

    def _tools(self, revision: int) -> dict[str, Tool]:
        known: tuple[int, dict[str, Tool]] | None = self.__dict__.get("_known")
        if known is None or known[0] != revision:
            found: dict[str, Tool] = {}
            for agent in self.agents:
                for tool in self.tools_of(agent):
                    for each in (
                        tool,
                        *tool.needs,
                        *tool.uses,
                        *(used for needed in tool.needs for used in needed.uses),
                    ):
                        found.setdefault(each.name, each)
            known = self.__dict__["_known"] = revision, found
        return known[1]

    @property
    def endpointing_by_agent(self) -> dict[str, Endpointing]:
        """How patient each agent is, by its name; "" for the one that answers first."""
        found = {agent.name: agent.endpointing or self.endpointing for agent in self.agents}
        return {"": found.get(self.entry, self.endpointing), **found}

    def speed_of(self, agent: str) -> float:
        """How fast an agent speaks; one that the app does not have any more speaks as the app says."""
        speaker = self.team.get(agent)
        return self.speed if speaker is None or speaker.speed is None else speaker.speed

    @property
    def fillers(self) -> tuple[tuple[str, str, float], ...]:
        """What callers hear while a tool is slow, each with the voice and the speed of the agent who says it."""
        return tuple(
            (self.language.to_speech(tool.filler), agent.voice, self.speed_of(agent.name))
            for agent in self.agents
            for tool in self.tools_of(agent)
            if tool.filler
        )

    def tools_of(self, agent: Agent) -> tuple[Tool, ...]:
        """The tools that this agent may call: its own, then the built-in ones."""
        builtin = [end_call]
        if self.transfers:
            builtin.insert(0, self._transfer)
        elif self.transfer_target:
            builtin.insert(0, transfer_call)
        if agent.knowledge and self._search is not None:
            builtin.insert(0, self._search)
        return (*_current(agent.tools), *(tool for tool in builtin if tool not in agent.tools))

    @cached_property
    def _transfer(self) -> Tool:
        return TransferTool(self.transfers, person=bool(self.transfer_target))

    @cached_property
    def _search(self) -> Tool | None:
        return None if self.knowledge is None else search_tool(self.knowledge.sections)


def _current(tools: tuple[Tool, ...]) -> tuple[Tool, ...]:
    """An agent's tools as they are now. An agent that has all tools of a source gets what the source has now.

    A new tool with the name of another one is left out: a model cannot be offered two tools of the same name.
    """
    names = {tool.name for tool in tools}
    found: dict[Tool, None] = {}
    for tool in tools:
        whole = tool.source is not None and set(tool.source.initial) <= set(tools)
        for each in tool.source.current() if tool.source is not None and whole else (tool,):
            if each in tools or each.name not in names:
                found[each] = None
                names.add(each.name)
    return tuple(found)
