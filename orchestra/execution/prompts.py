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

        A model that fails, breaks off, is late or has nothing to say is followed by the fallback model, which goes on
        from what the caller has heard; if there is none, or it fails too, the caller hears the app's apology.
        """
        started = time.monotonic()
        if attempt > 1:
            await reply.take_over()
        answer, answering = ModelAnswer(finish_reason="error"), prompt.model
        late_s = time.time() - prompt.deadline
        error = f"the prompt came {late_s:.1f} s after its deadline" if late_s >= 0 else ""
        for model, breaker in () if error else self._models.candidates(prompt.model):
            answering = model.name
            try:
                answer = await self._answer(model, _continued(prompt, reply) if error else prompt, reply, started)
            except EngineError as failure:
                error = str(failure)
            except (FencedError, RedisError):
                raise
            except Exception as failure:  # noqa: BLE001 - whatever a model of another's raises, the caller hears something
                _LOG.exception("model.broken", call=prompt.call, turn=prompt.turn, model=model.name)
                error = repr(failure)
            else:
                error = "" if reply.text or answer.tool_calls else f"model {model.name} has nothing to say"
            if not error:
                breaker.succeeded()
                break
            breaker.failed()
            _LOG.warning("model.failed", call=prompt.call, turn=prompt.turn, model=model.name, error=error)
        if error:
            _LOG.warning("prompt.failed", call=prompt.call, turn=prompt.turn, model=answering, error=error)
            await reply.apologise()
        return PromptCompleted(
            call=prompt.call,
            turn=prompt.turn,
            request=prompt.id,
            text=reply.text,
            tool_calls=() if error else answer.tool_calls,
            finish_reason="error" if error else answer.finish_reason,
            error=error,
            model=answering,
            parameters=prompt.parameters,
            rules=tuple(reply.rules),
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            first_token_ms=reply.first_token_ms,
            duration_ms=(time.monotonic() - started) * 1000,
        )

    async def _answer(self, model: Model, prompt: PromptRequested, reply: Reply, started: float) -> ModelAnswer:
        """The model's answer within the prompt's deadline."""
        left_s = max(0.0, prompt.deadline - time.time())
        stream = _Stream(model, reply, started, left_s)
        try:
            async with asyncio.timeout(min(self._models.first_token_s, left_s)) as limit:
                try:
                    return await stream.read(prompt, limit)
                except DivergedError:
                    return await stream.read(_continued(prompt, reply), limit)
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
        self._begun = False

    async def read(self, prompt: PromptRequested, limit: asyncio.Timeout) -> ModelAnswer:
        """Say each sentence when it is whole; the first piece moves the limit from the first token to the whole."""
        sentences, reply = Sentences(), self._reply
        async with aclosing(self._model.stream(prompt)) as parts:  # type: ignore[type-var]
            async for part in parts:
                if not reply.first_token_ms:
                    reply.first_token_ms = (time.monotonic() - self._started) * 1000
                if not self._begun:
                    self._begun = True
                    limit.reschedule(asyncio.get_running_loop().time() + self._left_s)
                for sentence in sentences.end() if isinstance(part, ModelAnswer) else sentences.feed(part.text):
                    await reply.say(sentence)
                if isinstance(part, ModelAnswer):
                    return part
        msg = f"model {self._model.name} broke off"
        raise EngineError(msg)


def _continued(prompt: PromptRequested, reply: Reply) -> PromptRequested:
    """The prompt with what the caller has heard of its answer; as it is if they have heard nothing."""
    reply.go_on()
    if not reply.text:
        return prompt
    heard = Message(role="assistant", content=reply.text)
    return msgspec.structs.replace(prompt, messages=(*prompt.messages, heard, Message(role="system", content=_GO_ON)))
