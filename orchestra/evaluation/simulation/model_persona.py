"""A caller who is played by a language model."""

import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from itertools import groupby
from typing import Final

import msgspec
from msgspec.structs import replace

from orchestra.bus.stream.entry import UNREADABLE
from orchestra.errors import EngineError, SettingError
from orchestra.evaluation.simulation.persona import CallerTurn, Spoken
from orchestra.evaluation.simulation.scenario import Scenario
from orchestra.execution.models import open_models
from orchestra.execution.models.port import Model, ModelAnswer
from orchestra.execution.models.registry import OFFLINE
from orchestra.settings import Settings
from orchestra_schemas import Message, PromptRequested, ToolSchema

#: a caller, not a machine: the same words every time would try the same call every time
_TEMPERATURE = 0.7
#: characters; nobody says more in a turn, so a model that goes on for ever is stopped
_LONGEST = 2000
_CONNECTED = "(The call is connected. Nobody has said anything yet.)"
_SILENCE = "(Silence.)"
_HANG_UP = ToolSchema(
    name="hang_up",
    description=(
        "Hang up the telephone: the only way to end the call. Use it as soon as you have what you want, or it is clear "
        "that you do not get it. You may say a short good-bye in the same turn."
    ),
    parameters={
        "type": "object",
        "properties": {
            "satisfied": {"type": "boolean", "description": "Whether you have got what you want."},
            "reason": {"type": "string", "description": "Why you hang up, in one sentence."},
        },
        "required": ["satisfied", "reason"],
    },
)
_PRESS_KEYS = ToolSchema(
    name="press_keys",
    description="Press keys of the telephone, only when you are asked to.",
    parameters={
        "type": "object",
        "properties": {"keys": {"type": "string", "description": "The keys: 0-9, * and #."}},
        "required": ["keys"],
    },
)
#: what models without tools write in their place
_WRITTEN_HANG_UP: Final = re.compile(
    r"[\[(*<]+\s*(?:hangs? up|hang_up|ends? (?:the )?call)\s*[.]?\s*[\])*>]+", re.IGNORECASE
)
_QUOTES = "\"'“”„«» \n"
_ROLE = """\
You play a person who calls a telephone service. Stay in this role to the end of the call: you are the caller, never the
service, and you never say that you are played, a test or an AI.

Who you are: {persona}
What you want: {goal}
{knowledge}
What the service says comes as the user's messages. Answer with nothing but what you say next: one or two short spoken
sentences in {language}, as people speak on the telephone, without lists, stage directions or quotation marks. Say one
thing at a time. Give what you know only when you are asked for it, exactly as it stands here, and invent nothing: what
is not written here you do not know, and you say so.

You end the call yourself: as soon as you have what you want, or it is clear that you do not get it, call hang_up."""


class ModelPersona:
    """Has a model play a scenario's caller.

    Args:
        scenario: who they are.
        model: plays them.
        seed: of the run; models that know seeds answer alike for the same one.
        language: what they speak, in English: ``Spanish``.

    """

    def __init__(self, scenario: Scenario, model: Model, *, seed: int, language: str = "English") -> None:
        self._scenario, self._model, self._seed = scenario, model, seed
        self._role = _ROLE.format(
            persona=" ".join(scenario.persona.split()) or "an ordinary caller, friendly and to the point",
            goal=" ".join(scenario.goal.split()),
            knowledge=_knowledge(scenario),
            language=language,
        )

    async def next(self, conversation: Sequence[Spoken]) -> CallerTurn:
        """See `Persona.next`. The first words are those of the scenario, if it has them."""
        if self._scenario.opening and not any(spoken.who == "caller" for spoken in conversation):
            return CallerTurn(text=self._scenario.opening)
        prompt = PromptRequested(
            call="simulation",
            agent="caller",
            messages=(Message(role="system", content=self._role), *_messages(conversation)),
            tools=(_HANG_UP, _PRESS_KEYS),
            parameters={"temperature": _TEMPERATURE, "seed": self._seed},
            at=time.time(),
        )
        said = ""
        async with aclosing(self._model.stream(prompt)) as parts:  # type: ignore[type-var]
            async for part in parts:
                if isinstance(part, ModelAnswer):
                    return _turn(part)
                said += part.text
                if len(said) > _LONGEST:
                    return CallerTurn(text=said)
        msg = f"model {self._model.name}: the answer has no end"
        raise EngineError(msg)


def _knowledge(scenario: Scenario) -> str:
    known = "".join(f"- {name}: {value}\n" for name, value in scenario.facts.items())
    secrets = "".join(f"- {secret}\n" for secret in scenario.must_not_know)
    parts = [
        f"What you know:\n{known}" if known else "",
        f"What you do not know, and never say first:\n{secrets}" if secrets else "",
    ]
    return "".join(parts)


def _messages(conversation: Sequence[Spoken]) -> list[Message]:
    """The conversation from the caller's side: it begins and ends with the service, and the sides take turns."""
    messages = [Message(role="user", content=_CONNECTED)] if not conversation or conversation[0].who == "caller" else []
    for who, group in groupby(conversation, key=lambda spoken: spoken.who):
        content = " ".join(_written(spoken) for spoken in group)
        messages.append(Message(role="user" if who == "agent" else "assistant", content=content))
    if messages[-1].role == "assistant":
        messages.append(Message(role="user", content=_SILENCE))
    return messages


def _written(spoken: Spoken) -> str:
    keys = f"(presses {spoken.keys})" if spoken.keys else ""
    return " ".join(filter(None, (f"{spoken.text} …" if spoken.cut else spoken.text, keys)))


def _turn(answer: ModelAnswer) -> CallerTurn:
    """What the caller does: tool calls, or what a model without tools writes in their place."""
    text, written = _WRITTEN_HANG_UP.subn("", answer.text)
    turn = CallerTurn(text=text.strip(_QUOTES), hang_up=bool(written))
    for call in answer.tool_calls:
        try:
            arguments = msgspec.json.decode(call.arguments or "{}", type=dict[str, object])
        except UNREADABLE:
            arguments = {}
        if call.name == _HANG_UP.name:
            satisfied = arguments.get("satisfied")
            known = satisfied if isinstance(satisfied, bool) else None
            turn = replace(turn, hang_up=True, satisfied=known, reason=str(arguments.get("reason", "")))
        elif call.name == _PRESS_KEYS.name:
            turn = replace(turn, keys=turn.keys + "".join(str(arguments.get("keys", "")).split()))
    return turn


@asynccontextmanager
async def open_persona_model(settings: Settings) -> AsyncIterator[Model]:
    """The model that the settings choose for callers; closed at the end of the block.

    Raises:
        SettingError: there is no server for it, or it is none that could play a caller.
        MissingExtraError: the model needs an extra that is not installed.

    """
    if settings.persona_model == OFFLINE:
        msg = f"ORCHESTRA_PERSONA_MODEL={OFFLINE}: it only plays agents; leave it empty for callers without a model"
        raise SettingError(msg)
    own = settings.persona_url is not None  # the key of one server is nothing for another
    chosen = {
        "model": settings.persona_model,
        "model_url": settings.persona_url if own else settings.model_url,
        "model_api_key": settings.persona_api_key
        if own or settings.persona_api_key.get_secret_value()
        else settings.model_api_key,
        "model_fallback": "",
    }
    async with open_models(settings.model_copy(update=chosen), only=True) as models:
        yield models.get()
