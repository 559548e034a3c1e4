"""Runs a prompt: the model streams, each sentence is published when it is whole, and no caller is left waiting."""

import asyncio
import time
from contextlib import aclosing

import msgspec
import structlog
from redis.exceptions import RedisError

from orchestra.errors import EngineError, FencedError
from orchestra.execution.models import Model, ModelAnswer, Models
from orchestra.execution.reply import DivergedError, Reply
from orchestra.execution.sentences import Sentences
from schemas import Message, PromptCompleted, PromptRequested

_LOG = structlog.get_logger("orchestra.execution")

#: seconds of silence after which a caller thinks that the line is dead
FIRST_TOKEN_S = 8.0
_GO_ON = (
    "Your last answer broke off after the words above; the caller has heard them. "
    "Go on from there, and do not repeat anything."
)


class Prompts:
    """Runs prompts on the models of this process."""

    def __init__(self, models: Models) -> None:
        self._models = models

    async def answer(self, prompt: PromptRequested, reply: Reply, attempt: int) -> PromptCompleted:
        """Have the model answer, and its words spoken through ``reply``.

        A model that fails, breaks off, is late or has nothing to say makes the caller hear the app's apology.
        """
        started = time.monotonic()
        model = self._models.of(prompt.model)
        if attempt > 1:
            await reply.take_over()
        answer, error = ModelAnswer(finish_reason="error"), ""
        try:
            answer = await self._answer(model, prompt, reply, started)
        except EngineError as failure:
            error = str(failure)
        except (FencedError, RedisError):
            raise
        except Exception as failure:  # noqa: BLE001 - whatever a model of another's raises, the caller hears something
            _LOG.exception("prompt.failed", call=prompt.call, turn=prompt.turn, model=model.name)
            error = repr(failure)
        if not error and not reply.text and not answer.tool_calls:
            error = f"model {model.name} has nothing to say"
        if error:
            _LOG.warning("prompt.failed", call=prompt.call, turn=prompt.turn, model=model.name, error=error)
            await reply.apologise()
        return PromptCompleted(
            call=prompt.call,
            turn=prompt.turn,
            request=prompt.id,
            text=reply.text,
            tool_calls=() if error else answer.tool_calls,
            finish_reason="error" if error else answer.finish_reason,
            error=error,
            model=model.name,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            first_token_ms=reply.first_token_ms,
            duration_ms=(time.monotonic() - started) * 1000,
        )

    async def _answer(self, model: Model, prompt: PromptRequested, reply: Reply, started: float) -> ModelAnswer:
        """The model's answer within the prompt's deadline."""
        left_s = prompt.deadline - time.time()
        if left_s <= 0:
            msg = f"the prompt came {-left_s:.1f} s after its deadline"
            raise EngineError(msg)
        stream = _Stream(model, reply, started, left_s)
        try:
            async with asyncio.timeout(min(FIRST_TOKEN_S, left_s)) as limit:
                try:
                    return await stream.read(prompt, limit)
                except DivergedError:
                    reply.go_on()
                    return await stream.read(_continued(prompt, reply.text), limit)
        except TimeoutError as error:
            seconds = time.monotonic() - started
            msg = f"model {model.name} has not answered within {seconds:.1f} s"
            raise EngineError(msg) from error


class _Stream:
    """One model's words on their way into one reply."""

    def __init__(self, model: Model, reply: Reply, started: float, left_s: float) -> None:
        self._model = model
        self._reply = reply
        self._started = started
        self._left_s = left_s

    async def read(self, prompt: PromptRequested, limit: asyncio.Timeout) -> ModelAnswer:
        """Say each sentence when it is whole; the first piece moves the limit from the first token to the whole."""
        sentences, reply = Sentences(), self._reply
        async with aclosing(self._model.stream(prompt)) as parts:  # type: ignore[type-var]
            async for part in parts:
                if not reply.first_token_ms:
                    reply.first_token_ms = (time.monotonic() - self._started) * 1000
                    limit.reschedule(asyncio.get_running_loop().time() + self._left_s)
                for sentence in sentences.end() if isinstance(part, ModelAnswer) else sentences.feed(part.text):
                    await reply.say(sentence)
                if isinstance(part, ModelAnswer):
                    return part
        msg = f"model {self._model.name} broke off"
        raise EngineError(msg)


def _continued(prompt: PromptRequested, said: str) -> PromptRequested:
    """The prompt with what the caller has heard of its answer."""
    return msgspec.structs.replace(
        prompt,
        messages=(*prompt.messages, Message(role="assistant", content=said), Message(role="system", content=_GO_ON)),
    )
