"""Runs a prompt: the model streams, and each sentence is published as soon as it is complete."""

import asyncio
import time
from contextlib import aclosing

import msgspec
import structlog
from redis.exceptions import RedisError

from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import DivergedError, EngineError, FencedError
from orchestra.execution.models import Model, ModelAnswer, ModelRegistry
from orchestra.execution.reply import Reply
from orchestra.execution.token_meter import TokenCount
from orchestra.hide_secrets import without_secrets
from orchestra_schemas import Message, PromptCompleted, PromptRequested

_LOG = structlog.get_logger("orchestra.execution")

_GO_ON = (
    "Your last answer broke off after the words above; the caller has heard them. "
    "Go on from there, and do not repeat anything."
)


#: the timeout is moved no more often than this, in seconds
_SHORTEST_S = 0.1


class Prompts:
    """Runs prompts on the models of this process."""

    def __init__(self, models: ModelRegistry) -> None:
        self._models = models

    async def answer(self, prompt: PromptRequested, reply: Reply, attempt: int) -> PromptCompleted:
        """Have the model answer, and publish its sentences through ``reply``.

        If a model fails, breaks off, is late or has nothing to say, the fallback model continues after the words that
        the caller has heard. Without a fallback, or if it fails as well, the caller hears the app's apology.
        """
        started = time.monotonic()
        if attempt > 1:
            await reply.load_published()
        answer, answering = ModelAnswer(finish_reason="error"), prompt.model
        late_s = SYSTEM_CLOCK.time() - prompt.deadline
        error = f"the prompt came {late_s:.1f} s after its deadline" if late_s >= 0 else ""
        for model, breaker in () if error else self._models.candidates(prompt.model):
            answering = model.name
            try:
                answer = await self._answer(model, _continued(prompt, reply) if error else prompt, reply, started)
            except EngineError as failure:
                error = str(failure)
            except (FencedError, RedisError):
                raise
            except Exception as failure:  # noqa: BLE001 - whatever a model raises, the caller hears something
                _LOG.exception("model.broken", call=prompt.call, turn=prompt.turn, model=model.name)
                error = without_secrets(repr(failure))
            else:
                nothing = f"model {model.name} has nothing to say ({answer.finish_reason})"
                error = "" if reply.text or answer.tool_calls or prompt.silent else nothing
            if not error:
                breaker.succeeded()
                break
            breaker.failed()
            _LOG.warning("model.failed", call=prompt.call, turn=prompt.turn, model=model.name, error=error)
        if error:
            _LOG.warning("prompt.failed", call=prompt.call, turn=prompt.turn, model=answering, error=error)
            await reply.apologize()
        tokens = _tokens(answer, reply)
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
            prompt_tokens=tokens.prompt,
            completion_tokens=tokens.completion,
            tokens_estimated=tokens.estimated,
            first_token_ms=reply.first_token_ms,
            duration_ms=(time.monotonic() - started) * 1000,
        )

    async def _answer(self, model: Model, prompt: PromptRequested, reply: Reply, started: float) -> ModelAnswer:
        """The model's answer. It has to begin before the prompt's deadline, and must not stall."""
        left_s = max(0.0, prompt.deadline - SYSTEM_CLOCK.time())
        limit = asyncio.timeout(min(self._models.first_token_s, left_s))
        deadline = _AnswerDeadline(limit, self._models, left_s)
        stream = _AnswerStream(model, reply, started, deadline)
        try:
            async with limit:
                try:
                    return await stream.read(prompt)
                except DivergedError:
                    return await stream.read(_continued(prompt, reply))
        except TimeoutError as error:
            msg = f"model {model.name} {deadline.ended}"
            raise EngineError(msg) from error


class _AnswerDeadline:
    """How long to wait for a model: one that shows signs of life is not cut off, one that stalls is.

    ::

        asked ── first_token_s ──> a sign of life ── stall_s ──> another ── stall_s ──> …   until longest_s at most
        asked ────────────── the prompt's deadline ──────────────> a word that the caller hears

    Args:
        limit: the timeout under which the model is read.
        models: the registry with the limits.
        left_s: seconds to the prompt's deadline.

    Attributes:
        ended: why the deadline passes, if it does.

    """

    def __init__(self, limit: asyncio.Timeout, models: ModelRegistry, left_s: float) -> None:
        self._limit = limit
        self._stall_s, self._longest_s = models.stall_s, models.longest_s
        self._clock = asyncio.get_running_loop().time
        self._begun = self._clock()
        self._moved = 0.0
        self._speaks_by = self._begun + left_s
        self.ended = f"has not answered within {min(models.first_token_s, left_s):.1f} s"

    def extend(self, *, spoken: bool) -> None:
        """A sign of life has come; ``spoken``: the caller hears part of this answer."""
        now = self._clock()
        if now - self._moved < _SHORTEST_S:
            return  # moving the timeout for every token would cost more than the token
        self._moved = now
        ends = [
            (now + self._stall_s, f"has sent nothing more for {self._stall_s:.1f} s"),
            (self._begun + self._longest_s, f"has not come to an end within {self._longest_s:.0f} s"),
        ]
        if not spoken:
            ends.append((self._speaks_by, f"has not said a word within {self._speaks_by - self._begun:.1f} s"))
        when, self.ended = min(ends)
        self._limit.reschedule(when)


class _AnswerStream:
    """One model's stream on its way into a reply."""

    def __init__(self, model: Model, reply: Reply, started: float, deadline: _AnswerDeadline) -> None:
        self._model = model
        self._reply = reply
        self._started = started
        self._deadline = deadline

    async def read(self, prompt: PromptRequested) -> ModelAnswer:
        """Say each sentence as soon as it is complete."""
        reply = self._reply
        sentences = reply.language.sentence_splitter()
        before = reply.sentence_count
        reply.tokens.ask(self._model.name, prompt)
        async with aclosing(self._model.stream(prompt)) as parts:  # type: ignore[type-var]
            async for part in parts:
                reply.tokens.take(part)
                if not reply.first_token_ms and (isinstance(part, ModelAnswer) or part.text):
                    reply.first_token_ms = (time.monotonic() - self._started) * 1000
                for sentence in sentences.end() if isinstance(part, ModelAnswer) else sentences.feed(part.text):
                    await reply.say(sentence)
                if isinstance(part, ModelAnswer):
                    return part
                self._deadline.extend(spoken=reply.sentence_count > before)
        msg = f"model {self._model.name} broke off"
        raise EngineError(msg)


def _tokens(answer: ModelAnswer, reply: Reply) -> TokenCount:
    """The tokens of a whole answer as its server counted them; of one that broke off, those up to there."""
    if answer.finish_reason == "error" and reply.tokens.answering:
        return reply.tokens.count()
    return TokenCount(prompt=answer.prompt_tokens, completion=answer.completion_tokens)


def _continued(prompt: PromptRequested, reply: Reply) -> PromptRequested:
    """The prompt with the part of its answer that the caller has heard; unchanged if they have heard nothing."""
    reply.append_only()
    if not reply.text:
        return prompt
    heard = Message(role="assistant", content=reply.text)
    return msgspec.structs.replace(prompt, messages=(*prompt.messages, heard, Message(role="system", content=_GO_ON)))
