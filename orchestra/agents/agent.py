"""An agent: one role in the team that answers a call."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from orchestra.agents.app_checks import (
    as_tuple,
    check_endpointing,
    check_speed,
    check_text,
    check_text_by_language,
    texts_by_language,
)
from orchestra.agents.tool import Tool
from orchestra.endpointing import Endpointing
from orchestra.errors import AppError
from orchestra.spoken_languages import check_code, in_language


@dataclass(frozen=True, kw_only=True)
class Agent:
    """One role in the team, with its own prompt, tools and colleagues to hand off to.

    Besides its own ``tools``, every agent has ``end_call``; with ``knowledge`` it also has ``search_knowledge``, and in
    an app with a ``transfer_target`` also ``transfer_call``.

    Attributes:
        name: letters, digits and underscores; other agents hand off to it by this name.
        about: what it takes care of, in callers' words; the router and other agents read it. One text, or by language.
        prompt: the system prompt, or the path of a text file with it; one for all languages, or by language:
            ``{"en": …, "es": …}``.
        tools: functions marked with `orchestra.tool`.
        handoffs: names of the agents that it may hand the caller off to.
        examples: what callers say when they need this agent, for the router; or by language:
            ``{"en": ("where is my parcel",), "es": ("dónde está mi paquete",)}``.
        knowledge: whether it may search the app's knowledge.
        voice: the speech engine's voice for this agent; empty: the edge's own. Or by language: ``{"en": "amy"}``.
        language: the only one that it speaks (BCP 47): the call changes to it when the agent takes the caller. Empty:
            that of the call.
        model: the model that answers for this agent; empty: the platform's.
        parameters: sent to the model's server with the prompt, such as ``{"temperature": 0.2,
            "max_tokens": 200}``; the names are the server's.
        endpointing: how patient it is with a caller who pauses; None: as the app says.
        speed: how fast it speaks, 0.7 to 1.2; 1.0 is the voice's own pace. None: as the app says.
        keyterms: names and products that its callers are likely to say, which the speech engine is told.

    """

    name: str
    about: str | Mapping[str, str] = field(hash=False)
    prompt: str | Path | Mapping[str, str | Path] = field(hash=False)
    tools: tuple[Tool, ...] = ()
    handoffs: tuple[str, ...] = ()
    examples: tuple[str, ...] | Mapping[str, tuple[str, ...]] = field(default=(), hash=False)
    knowledge: bool = False
    voice: str | Mapping[str, str] = field(default="", hash=False)
    language: str = ""
    model: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)
    endpointing: Endpointing | None = None
    speed: float | None = None
    keyterms: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Report common mistakes where they are made.

        Raises:
            AppError: a part has the wrong type; the message says which, and how to write it.

        """
        check_text(self.name, "an agent's name")
        here = f"agent {self.name!r}:"
        check_text_by_language(self.about, f"{here} about")
        for code, prompt in self.prompts.items():
            if code:
                check_code(code, f"{here} prompt")
            if not isinstance(prompt, str | Path):
                check_text(prompt, f"{here} prompt")
        check_text_by_language(self.voice, f"{here} voice")
        if self.language != "":
            check_code(self.language, f"{here} language")
        for name, kind, cure in (
            ("tools", Tool, "mark the function with @tool, and write tools=(it, …)"),
            ("handoffs", str, 'name the other agents, as in handoffs=("billing",)'),
            ("keyterms", str, 'write names, as in keyterms=("Northwind",)'),
        ):
            found = as_tuple(getattr(self, name), kind, f"{here} {name}", cure=cure)
            object.__setattr__(self, name, found)
        cure = 'write what callers say, as in examples=("where is my parcel",)'
        object.__setattr__(self, "examples", texts_by_language(self.examples, f"{here} examples", cure=cure))
        if not isinstance(self.parameters, Mapping):
            msg = f'{here} parameters is {type(self.parameters).__name__}: write them as {{"temperature": 0.2}}'
            raise AppError(msg)
        check_endpointing(self.endpointing, here)
        check_speed(self.speed, here)

    @property
    def prompts(self) -> Mapping[str, str | Path]:
        """Its prompts by language; under "" one for all."""
        return self.prompt if isinstance(self.prompt, Mapping) and self.prompt else {"": self.prompt}  # type: ignore[dict-item]

    @cached_property
    def instructions_by_language(self) -> dict[str, str]:
        """The texts of its system prompts by language; under "" one for all.

        Raises:
            AppError: a prompt's file cannot be read.

        """
        return {code: _text_of(prompt, self.name) for code, prompt in self.prompts.items()}

    def instructions(self, language: str) -> str:
        """The text of the system prompt for a call in this language; of several, the first if there is none for it.

        Raises:
            AppError: a prompt's file cannot be read.

        """
        texts = self.instructions_by_language
        return texts[""] if "" in texts else in_language(texts, language) or next(iter(texts.values()))

    def about_in(self, language: str) -> str:
        """What it takes care of, in this language; of several, in the first if there is none for it."""
        if isinstance(self.about, str):
            return self.about
        return in_language(self.about, language) or next(iter(self.about.values()))

    def examples_in(self, language: str) -> tuple[str, ...]:
        """What callers say in this language when they need it."""
        return in_language(self.examples, language) or ()

    def voice_in(self, language: str) -> str:
        """The speech engine's voice for this language; empty: the edge's own."""
        return in_language(self.voice, language) or ""


def _text_of(prompt: str | Path, agent: str) -> str:
    if isinstance(prompt, str):
        return prompt
    try:
        return prompt.read_text(encoding="utf-8").strip()
    except OSError as error:
        msg = f"agent {agent!r}: prompt file {prompt} cannot be read ({error.strerror}): check the path"
        raise AppError(msg) from error
