"""What Swift Parcel's agents and tools say and understand, for each language that the demo speaks."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentTexts:
    """One agent: see `orchestra.Agent`; ``prompt`` comes after the style that all of them share."""

    about: str
    prompt: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolTexts:
    """One tool: what it does, what is said while it runs, and what callers say who need it."""

    about: str
    filler: str
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The demo in one language.

    Attributes:
        language: BCP 47; also the folder of the pages of knowledge.
        greeting: see `orchestra.App`, as ``apology`` and ``holding``.
        style: the beginning of every agent's prompt.
        agents: by their names.
        find_parcel: the tools, each by its name.
        number: describes the argument to a model, and asks the caller for it; as the following three.
        days: the values of ``day``, Monday to Saturday.
        statuses: of the parcels, by number; each completes ``parcel``.
        parcel: names ``{number}`` and ``{status}``.
        again_on: names ``{day}``.
        offer: a new delivery.
        unknown: names ``{number}``.
        at_home: names ``{number}`` and ``{status}``.
        booked: names ``{number}`` and ``{day}``.
        opened: names ``{complaint}`` and ``{number}``.
        called_back: somebody calls back about a complaint.
        money: a pattern for sentences about money that is paid back.
        no_promise: a pattern for those that promise nothing.
        serious: a pattern for what a person has to look after.
        only_a_person: said in place of a promise.
        read_number: said to callers who have not said the number of the parcel.
        serious_briefing: names ``{number}`` and ``{what}``.
        concern: says to a model what the following two are, which are found out about a call that is over.
        concern_parcel: describes the parcel's number.
        concern_wish: describes what the caller wanted.
        promises_nothing: a criterion for a call that is over.

    """

    language: str
    greeting: str
    apology: str
    holding: str
    style: str
    agents: Mapping[str, AgentTexts]
    find_parcel: ToolTexts
    redeliver: ToolTexts
    open_complaint: ToolTexts
    number: str
    day: str
    what: str
    call_back: str
    days: tuple[str, ...]
    statuses: Mapping[str, str]
    parcel: str
    again_on: str
    offer: str
    unknown: str
    at_home: str
    booked: str
    opened: str
    called_back: str
    money: str
    no_promise: str
    serious: str
    only_a_person: str
    read_number: str
    serious_briefing: str
    concern: str
    concern_parcel: str
    concern_wish: str
    promises_nothing: str
