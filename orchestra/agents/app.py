"""An app: the team of agents that answers one kind of call, and everything that the team shares."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import cached_property
from inspect import isasyncgenfunction
from typing import Any, TypeVar

from orchestra.agents.after import After, check_after
from orchestra.agents.agent import Agent
from orchestra.agents.app_checks import (
    as_tuple,
    check_endpointing,
    check_pronunciations,
    check_speed,
    check_text,
    check_text_by_language,
    check_variables_from,
)
from orchestra.agents.builtin import end_call, search_tool, stop_recording, transfer_call
from orchestra.agents.change_language_tool import ChangeLanguageTool
from orchestra.agents.fingerprint import fingerprint
from orchestra.agents.key_terms import names_in
from orchestra.agents.knowledge import Knowledge, check_knowledge
from orchestra.agents.new_call import OnCall
from orchestra.agents.rule import Rule
from orchestra.agents.tool import Tool, ToolSource
from orchestra.agents.transfer_tool import TransferTool
from orchestra.app_phrases import EdgePhrases
from orchestra.call_variables import in_speech
from orchestra.endpointing import DEFAULT_ENDPOINTING, Endpointing
from orchestra.errors import AppError
from orchestra.language import find_language
from orchestra.language.registry import DEFAULT_CODE
from orchestra.lines import absolute_sound
from orchestra.lines.dialled import split_extension
from orchestra.spoken_languages import AUTO, SpokenLanguages, check_code, in_language, spoken_languages
from orchestra.version import package_version

F = TypeVar("F", bound=OnCall)


@dataclass(frozen=True, kw_only=True)
class App:
    """The team that answers a call.

    What is said may be given as one text, or by language: ``greeting={"en": "Hello!", "es": "¡Hola!"}``.

    Attributes:
        name: letters, digits and underscores.
        agents: the team.
        entry: name of the agent that answers first.
        language: in which calls begin (BCP 47: ``es``, ``pt-BR``), or ``"auto"``: the first of ``languages``, and then
            whichever of them the caller speaks. A `Line` may say another, and an agent that has its own begins in that.
        languages: every language into which a call may change: callers ask for it ("in English, please"), and agents
            change it. With ``"auto"``, the default is en, es, de, fr, it, pt and nl; otherwise there is no other.
        greeting: said when the call starts; empty: the caller speaks first.
        apology: said when the model fails or takes too long. None, here and below: the platform's words in the language
            of the call.
        holding: said by the edge to a caller who has to wait, whatever the reason. With the default, shorter phrases
            come first.
        still_there: said by the edge to a caller who has been silent for a long time, before it hangs up; empty:
            nothing.
        transfer_failed: said by the edge when no person took the call and the caller is back with the agents.
        voicemail: said to the answering machine that takes an outbound call; empty: the edge hangs up silently.
        introduction: who calls and why, said to a robot that screens an outbound call for its owner; empty: the
            greeting.
        consent: said before the greeting, and cannot be interrupted: that the call is recorded. None: the text of
            ``ORCHESTRA_RECORDING_CONSENT``; empty: nothing.
        asks_consent: that is a question. Nothing is recorded before the caller says yes or presses 1; who says no,
            presses 2 or does not answer is served all the same. None: as ``ORCHESTRA_RECORDING_CONSENT_ASKED`` says.
        records: whether the audio of its calls is kept.
        knowledge: pages that agents with ``knowledge=True`` may search; or by language, ``{"en": …, "es": …}``.
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
        variables_from: what is asked for the variables of a call when it begins: a function, as ``@app.on_call`` marks
            it, or the URL of a server, which gets a signed POST. The first words wait for it, up to
            ``ORCHESTRA_ON_CALL_S``.
        variables: the names that variables may have in prompts and phrases (``("customer.name", "tier")``): with them,
            a placeholder of another name is a mistake that is found at the start.
        after: what is found out about a call when it has ended: a summary, typed values, verdicts, success. Several, by
            condition, are a tuple.
        endpointing: how patient its agents are with a caller who pauses, unless an agent has its own.
        thinking_sound: what a caller hears, quietly, while agents are at work and nothing is said: a WAV file of 16-bit
            PCM, which is repeated, or ``"melody"``; empty: nothing.
        speed: how fast its agents speak, unless an agent has its own, 0.7 to 1.2; 1.0 is the voice's own pace. A caller
            may ask for it slower or faster, and hears numbers slower that are said again.
        keyterms: names and products that callers are likely to say, which the speech engine is told; it is also told
            those of its agents, and names in its knowledge.
        pronunciations: how names and products are said that the speech engine would read wrongly, by what is written:
            ``{"Nguyen": "win", "Łódź": "/wudʑ/"}``, with IPA between slashes for engines that take it; also by
            language, ``{"Nguyen": {"en": "win", "es": "uin"}}``. What is recorded and shown stays as it is written.
        reads_out: numbers, times and money are written as words before they are spoken. False: the speech engine gets
            them in figures, because it reads them well itself; the local one does not.

    """

    name: str
    agents: tuple[Agent, ...]
    entry: str
    language: str = DEFAULT_CODE
    languages: tuple[str, ...] = ()
    greeting: str | Mapping[str, str] = field(default="", hash=False)
    apology: str | Mapping[str, str] | None = field(default=None, hash=False)
    holding: str | Mapping[str, str] | None = field(default=None, hash=False)
    still_there: str | Mapping[str, str] | None = field(default=None, hash=False)
    transfer_failed: str | Mapping[str, str] | None = field(default=None, hash=False)
    voicemail: str | Mapping[str, str] = field(default="", hash=False)
    introduction: str | Mapping[str, str] = field(default="", hash=False)
    consent: str | Mapping[str, str] | None = field(default=None, hash=False)
    asks_consent: bool | None = None
    records: bool = True
    knowledge: Knowledge | Mapping[str, Knowledge] | None = field(default=None, hash=False)
    rules: tuple[Rule, ...] = ()
    transfer_target: str = ""
    three_way: bool = False
    transfers: tuple[str, ...] = ()
    remembers_callers: bool = False
    redact: Mapping[str, str] = field(
        default_factory=dict, hash=False
    )  # an app is the key of caches, so it has to be hashable
    lifespan: Callable[[], AbstractAsyncContextManager[Any]] | None = None
    variables_from: OnCall | str | None = field(default=None, hash=False)
    variables: tuple[str, ...] = ()
    after: After | tuple[After, ...] = field(default=(), hash=False)
    endpointing: Endpointing = DEFAULT_ENDPOINTING
    thinking_sound: str = ""
    speed: float = 1.0
    pronunciations: Mapping[str, str | Mapping[str, str]] = field(default_factory=dict, hash=False)
    reads_out: bool = True
    keyterms: tuple[str, ...] = ()

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
        check_text(self.entry, f"{here} entry")
        platforms = ("apology", "holding", "still_there", "transfer_failed", "consent")
        for name in ("greeting", "voicemail", "introduction", *platforms):
            if getattr(self, name) is not None or name not in platforms:
                check_text_by_language(getattr(self, name), f"{here} {name}")
        self._check_languages(here)
        check_text(self.transfer_target, f"{here} transfer_target")
        if self.three_way and (not self.transfer_target or split_extension(self.transfer_target)[1]):
            msg = f"{here} three_way needs a transfer_target without an extension: the number or address of the person"
            raise AppError(msg)
        check_knowledge(self.knowledge, here)
        if not isinstance(self.redact, Mapping):
            msg = f'{here} redact is {type(self.redact).__name__}: write redact={{"account": "AC[0-9]{{6}}"}}'
            raise AppError(msg)
        if self.lifespan is not None and (isasyncgenfunction(self.lifespan) or not callable(self.lifespan)):
            msg = f"{here} lifespan is not a context manager: mark the function with @contextlib.asynccontextmanager"
            raise AppError(msg)
        check_variables_from(self.variables_from, here)
        cure = 'write variables=("customer.name", …)'
        object.__setattr__(self, "variables", as_tuple(self.variables, str, f"{here} variables", cure=cure))
        object.__setattr__(self, "after", check_after(self.after))
        check_endpointing(self.endpointing, here)
        check_speed(self.speed, here)
        cure = 'write keyterms=("Northwind", …)'
        object.__setattr__(self, "keyterms", as_tuple(self.keyterms, str, f"{here} keyterms", cure=cure))
        check_text(self.thinking_sound, f"{here} thinking_sound")
        if not isinstance(self.reads_out, bool):
            msg = f"{here} reads_out is {self.reads_out!r}: write reads_out=False if the engine reads figures well"
            raise AppError(msg)
        check_pronunciations(self.pronunciations, here)
        object.__setattr__(self, "thinking_sound", absolute_sound(self.thinking_sound))

    @property
    def wanted_after(self) -> tuple[After, ...]:
        """What is found out about a call when it has ended, one or several."""
        return (self.after,) if isinstance(self.after, After) else self.after

    @cached_property
    def version(self) -> str:
        """The package's version and a hash of everything that decides how this app answers: ``0.1.0+3f2a9c1d7b20``."""
        return f"{package_version()}+{fingerprint(self)}"

    def on_call(self, function: F) -> F:
        """Have this function asked for the variables of every call that begins; a decorator.

        It takes a `NewCall` and returns JSON values by name, or None. It may be async; one that is not runs in a
        thread. If it fails, or is not done within ``ORCHESTRA_ON_CALL_S``, the call goes on without an answer. After a
        crash it may be asked about a call a second time.

        Raises:
            AppError: it is no function, or the app has something that is asked already, or is in use already.

        """
        here = f"app {self.name!r}:"
        check_variables_from(function, here)
        if self.variables_from is not None or "version" in vars(self):
            why = "asks another already" if self.variables_from is not None else "is in use: mark it right below"
            msg = f"{here} on_call marks {getattr(function, '__name__', 'a function')}, but the app {why}"
            raise AppError(msg)
        object.__setattr__(self, "variables_from", function)
        return function

    @property
    def asks_variables(self) -> bool:
        """Whether anything is asked for the variables of a call that begins."""
        return self.variables_from is not None

    def _check_languages(self, here: str) -> None:
        check_code(self.language, f"{here} language", auto=True)
        cure = 'write languages=("en", "es")'
        named = as_tuple(self.languages, str, f"{here} languages", cure=cure)
        for code in named:
            check_code(code, f"{here} languages")
        if named and self.language not in (AUTO, *named):
            msg = f"{here} its language {self.language!r} is not among its languages {', '.join(named)}: add it there"
            raise AppError(msg)
        object.__setattr__(self, "languages", named)

    @cached_property
    def speaks(self) -> SpokenLanguages:
        """In which language its calls begin, and into which they may change."""
        own = [agent.language for agent in self.agents if agent.language]
        entry = self.team[self.entry].language if self.entry in self.team else ""
        return spoken_languages(self.language, self.languages, tuple(own), entry)

    def said_in(self, language: str) -> EdgePhrases:
        """What the edge says for it in this language, as it is written."""
        ours = find_language(language).phrases

        def given(phrase: str | Mapping[str, str] | None, default: str = "") -> str:
            chosen = in_language(phrase, language)
            return default if chosen is None else chosen

        return EdgePhrases(
            greeting=given(self.greeting),
            holding=given(self.holding, ours.holding),
            apology=given(self.apology, ours.apology),
            still_there=given(self.still_there, ours.still_there),
            transfer_failed=given(self.transfer_failed, ours.transfer_failed),
            voicemail=given(self.voicemail),
            introduction=given(self.introduction),
            consent=in_language(self.consent, language) if self.consent is not None else None,
        )

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
    def every_keyterm(self) -> tuple[str, ...]:
        """What the speech engine is told to expect, the most important first: the app's, its agents', its knowledge's.

        Raises:
            AppError: the knowledge cannot be read.

        """
        english = [each for each in self.all_knowledge.values() if each.language.code == DEFAULT_CODE]
        pages = [sections for each in english for sections in each.pages().values()]
        known = names_in(text for sections in pages for _, text in sections)
        return tuple(dict.fromkeys((*self.keyterms, *(term for a in self.agents for term in a.keyterms), *known)))

    @property
    def fillers(self) -> tuple[tuple[str, str, float, str], ...]:
        """What callers hear while a tool is slow: the words, the voice and speed of the agent, and the language."""
        return tuple(
            (
                find_language(code, reads_out=self.reads_out).to_speech(in_speech(filler, {})),
                agent.voice_in(code),
                self.speed_of(agent.name),
                code,
            )
            for agent in self.agents
            for code in ((agent.language,) if agent.language else self.speaks.all)
            for tool in self.tools_of(agent)
            if (filler := tool.filler_in(code))
        )

    def tools_of(self, agent: Agent) -> tuple[Tool, ...]:
        """The tools that this agent may call: its own, then the built-in ones."""
        builtin: list[Tool] = [stop_recording, end_call] if self.consent and self.records else [end_call]
        if self.transfers:
            builtin.insert(0, self._transfer)
        elif self.transfer_target:
            builtin.insert(0, transfer_call)
        if self.speaks.others:
            builtin.insert(0, self._change_language)
        if agent.knowledge and self._search is not None:
            builtin.insert(0, self._search)
        return (*_current(agent.tools), *(tool for tool in builtin if tool not in agent.tools))

    @cached_property
    def _transfer(self) -> Tool:
        return TransferTool(self.transfers, person=bool(self.transfer_target))

    @cached_property
    def _change_language(self) -> Tool:
        return ChangeLanguageTool(self.speaks.all)

    @property
    def all_knowledge(self) -> dict[str, Knowledge]:
        """Its knowledge by language; under "" one for all."""
        if self.knowledge is None:
            return {}
        return dict(self.knowledge) if isinstance(self.knowledge, Mapping) else {"": self.knowledge}

    def knowledge_in(self, language: str) -> Knowledge | None:
        """What is searched in a call in this language; of several, the first if there is none for it."""
        known: Mapping[str, Knowledge] = self.all_knowledge
        if "" in known:
            return known[""]
        return in_language(known, language) or next(iter(known.values()), None)

    @cached_property
    def _search(self) -> Tool | None:
        return search_tool(self.knowledge_in) if self.all_knowledge else None


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
