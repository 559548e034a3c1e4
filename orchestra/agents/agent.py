"""An agent: one role in the team that answers a call."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from orchestra.agents.app_checks import as_tuple, check_endpointing, check_speed, check_text
from orchestra.agents.tool import Tool
from orchestra.endpointing import Endpointing
from orchestra.errors import AppError


@dataclass(frozen=True, kw_only=True)
class Agent:
    """One role in the team, with its own prompt, tools and colleagues to hand off to.

    Besides its own ``tools``, every agent has ``end_call``; with ``knowledge`` it also has ``search_knowledge``, and in
    an app with a ``transfer_target`` also ``transfer_call``.

    Attributes:
        name: letters, digits and underscores; other agents hand off to it by this name.
        about: what it takes care of, in callers' words; the router and other agents read it.
        prompt: the system prompt, or the path of a text file with it.
        tools: functions marked with `orchestra.tool`.
        handoffs: names of the agents that it may hand the caller off to.
        examples: what callers say when they need this agent, for the router.
        knowledge: whether it may search the app's knowledge.
        voice: the speech engine's voice for this agent; empty: the edge's own.
        model: the model that answers for this agent; empty: the platform's.
        parameters: sent to the model's server with the prompt, such as ``{"temperature": 0.2,
            "max_tokens": 200}``; the names are the server's.
        endpointing: how patient it is with a caller who pauses; None: as the app says.
        speed: how fast it speaks, 0.7 to 1.2; 1.0 is the voice's own pace. None: as the app says.

    """

    name: str
    about: str
    prompt: str | Path
    tools: tuple[Tool, ...] = ()
    handoffs: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    knowledge: bool = False
    voice: str = ""
    model: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)
    endpointing: Endpointing | None = None
    speed: float | None = None

    def __post_init__(self) -> None:
        """Report common mistakes where they are made.

        Raises:
            AppError: a part has the wrong type; the message says which, and how to write it.

        """
        check_text(self.name, "an agent's name")
        here = f"agent {self.name!r}:"
        check_text(self.about, f"{here} about")
        if not isinstance(self.prompt, str | Path):
            check_text(self.prompt, f"{here} prompt")
        for name, kind, cure in (
            ("tools", Tool, "mark the function with @tool, and write tools=(it, …)"),
            ("handoffs", str, 'name the other agents, as in handoffs=("billing",)'),
            ("examples", str, 'write what callers say, as in examples=("where is my parcel",)'),
        ):
            found = as_tuple(getattr(self, name), kind, f"{here} {name}", cure=cure)
            object.__setattr__(self, name, found)
        if not isinstance(self.parameters, Mapping):
            msg = f'{here} parameters is {type(self.parameters).__name__}: write them as {{"temperature": 0.2}}'
            raise AppError(msg)
        check_endpointing(self.endpointing, here)
        check_speed(self.speed, here)

    @cached_property
    def instructions(self) -> str:
        """The text of the system prompt.

        Raises:
            AppError: the prompt's file cannot be read.

        """
        if isinstance(self.prompt, str):
            return self.prompt
        try:
            return self.prompt.read_text(encoding="utf-8").strip()
        except OSError as error:
            msg = f"agent {self.name!r}: prompt file {self.prompt} cannot be read ({error.strerror}): check the path"
            raise AppError(msg) from error
