"""The results of execution: sentences to speak, finished prompts, finished tools."""

from typing import Any, ClassVar

import msgspec

from orchestra_schemas.conversation import ToolCall
from orchestra_schemas.event import Event


class ReplyChunk(Event, frozen=True, kw_only=True):
    """One sentence of the reply, ready to be spoken.

    ``index`` counts the chunks of one prompt (or of one tool's filler) from 0. ``filler`` marks words that only bridge
    a wait ("One moment…"). ``first_token_ms`` is the model's time to its first token, on the first chunk only.
    It is said in ``language`` (BCP 47), with this ``speed``: None is the voice's own pace, 0.8 a fifth slower.
    ``secret``: it asks the caller for something secret. From here until a turn ends without such a chunk, the edge
    publishes `SECRET` in place of the caller's words, `SECRET_KEY` for keys, and silence for their audio.
    ``takes_keys``: what it asks for may be keyed in; keys are then the caller's words.
    """

    family: ClassVar[str] = "execution"
    text: str
    agent: str = ""
    index: int = 0
    voice: str = ""
    speed: float | None = None
    filler: bool = False
    first_token_ms: float = 0.0
    language: str = "en"
    secret: bool = False
    takes_keys: bool = False


class PromptCompleted(Event, frozen=True, kw_only=True):
    """The model has answered the prompt named ``request`` (the id of its `PromptRequested`).

    ``text`` is its answer as it was spoken. ``error`` is empty on success. ``model`` and ``parameters`` are those that
    answered; ``rules`` changed or stopped a sentence. Times are in ms. Tokens are the server's own count,
    0 if it sent none; ``tokens_estimated``: the answer was stopped before the server's count came, and the tokens up to
    there are estimated from the text.
    """

    family: ClassVar[str] = "execution"
    request: str
    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str = "stop"
    error: str = ""
    model: str = ""
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)
    rules: tuple[str, ...] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0
    tokens_estimated: bool = False
    first_token_ms: float = 0.0
    duration_ms: float = 0.0


class ToolCompleted(Event, frozen=True, kw_only=True):
    """The tool call named ``request`` (the id of its `ToolRequested`) has ended.

    ``result`` is the text for the agent, an error message if ``failed``. ``noted`` has the changes to the call's state:
    values by name, null for a name that was removed. ``predicted`` as in `ToolRequested`: the notes count once the turn
    has ended, and never if it does not.
    """

    family: ClassVar[str] = "execution"
    request: str
    name: str
    result: str = ""
    failed: bool = False
    duration_ms: float = 0.0
    noted: dict[str, Any] = msgspec.field(default_factory=dict)
    predicted: bool = False
