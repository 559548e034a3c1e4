"""Models behind an OpenAI-compatible endpoint: OpenAI, vLLM, Ollama, llama.cpp and others.

https://platform.openai.com/docs/api-reference/chat/create

`orchestra.execution.models.wire` knows where endpoints deviate from it.
"""

import asyncio
import copy
import math
import random
import re
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx2
import openai
import structlog
from openai import AsyncOpenAI

from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import EngineError, ReportedError
from orchestra.execution.models.port import ModelAnswer, TextDelta
from orchestra.execution.models.wire.answer import AnswerAssembler, failure, one_line
from orchestra.execution.models.wire.event_stream import EventStreamParser
from orchestra.execution.models.wire.inline_markup import UNKNOWN_S
from orchestra.execution.models.wire.request import ServerQuirks, request_of
from orchestra_schemas import PromptRequested

_LOG = structlog.get_logger("orchestra.execution")

_CONNECT_S = 3.0
_WARM_S = 3.0
#: pause between two tries if the server does not name one; doubled each time
_PAUSE_S = 0.2
#: how long to wait for the end of a stream after its answer, so that the connection can be reused
_DRAIN_S = 0.1
#: self-hosted servers often need no key, but the client requires one
_NO_KEY = "none"
#: HTTP statuses that may mean that a field of the request is not supported
_FORM = {400, 404, 405, 415, 422, 500, 501}
#: HTTP statuses of failures that may be temporary
_PASSING = {408, 409, 425, 429}
#: how many other forms of a request are tried before it counts as failed
_FORMS = 5
_OVERDUE = object()
#: models whose templates begin the answer inside its reasoning
_THINKS_FIRST = re.compile(
    r"deepseek[-_/]?r1|\br1\b|qwq|thinking|reason|magistral|exaone-deep|marco-o1|skywork-o1", re.IGNORECASE
)


class _RefusedError(Exception):
    """The server has refused the request.

    Args:
        status: the HTTP status; 200 if the failure was in the body.
        problem: the server's message.
        wait_s: seconds after which the server wants the next try; None if it does not say.
        final: another try would be useless.

    """

    def __init__(self, status: int, problem: str, wait_s: float | None = None, *, final: bool = False) -> None:
        words = f"HTTP {status}" if status != HTTPStatus.OK else "the server reports"
        phrase = HTTPStatus(status).phrase if status in {each.value for each in HTTPStatus} else ""
        words += f" {phrase}" if phrase and status != HTTPStatus.OK else ""
        asks = f" (it wants to be left alone for {wait_s:.0f} s)" if wait_s else ""
        super().__init__(f"{words}{f': {problem}' if problem else ''}{asks}")
        self.status = status
        self.problem = problem
        self.wait_s = wait_s
        self.passes = (status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR) and not final


class OpenAIModel:
    """A model that streams over the chat completions protocol.

    Args:
        model: its name on the server.
        base_url: the endpoint up to ``/v1``; default: OpenAI's.
        api_key: empty if the server needs none.
        retries: how often to repeat a request that was refused (429, 5xx) or did not reach the server.
        longest_wait_s: longest pause before it is repeated; a server that asks for a longer one counts as failed.

    """

    def __init__(
        self,
        model: str,
        base_url: str | None = None,
        api_key: str = "",
        *,
        retries: int = 1,
        longest_wait_s: float = 2.0,
    ) -> None:
        self.name = model
        self._key = api_key
        self._retries = retries
        self._longest_wait_s = longest_wait_s
        self._quirks = ServerQuirks()
        self._hold_s = math.inf if _THINKS_FIRST.search(model) else UNKNOWN_S
        self._client = AsyncOpenAI(
            base_url=base_url,
            api_key=api_key or _NO_KEY,
            max_retries=0,  # otherwise the client would wait as long as the server asks for
            timeout=openai.Timeout(None, connect=_CONNECT_S),  # the reader of the stream watches for stalls
        )

    async def warm(self) -> None:
        """Open the connection, which would cost the first caller 0.2 s.

        A server that cannot be reached is only logged: it may be up when it is needed.
        """
        started = time.monotonic()
        try:
            async with asyncio.timeout(_WARM_S):
                await self._client.models.list()
        except openai.APIStatusError as error:
            _LOG.info("model.warm", model=self.name, url=str(self._client.base_url), status=error.status_code)
        except (openai.OpenAIError, TimeoutError, ValueError) as error:
            _LOG.warning("model.not_reached", model=self.name, url=str(self._client.base_url), error=repr(error))
        else:
            _LOG.info("model.warm", model=self.name, ms=round((time.monotonic() - started) * 1000))

    async def stream(self, prompt: PromptRequested) -> AsyncIterator[TextDelta | ModelAnswer]:
        """See `Model.stream`. Leaving it early closes the HTTP stream, so that the server stops generating."""
        quirks, tries, forms = copy.deepcopy(self._quirks), 0, 0
        while True:
            request = request_of(self.name, prompt, quirks)
            try:
                async with aclosing(self._once(request, [tool.name for tool in prompt.tools])) as parts:  # type: ignore[type-var]
                    async for part in parts:
                        self._quirks = quirks  # the server accepts the request in this form
                        yield part
            except _RefusedError as refused:
                problem = self._without_key(str(refused))
                is_form = refused.status in _FORM or (refused.status == HTTPStatus.OK and refused.problem)
                if is_form and forms < _FORMS and quirks.learn(request, refused.problem):
                    forms += 1
                    _LOG.info("model.refuses_form", model=self.name, error=problem)
                    continue
                wait_s = _PAUSE_S * 2**tries * random.uniform(0.8, 1.2) if refused.wait_s is None else refused.wait_s  # noqa: S311
                if refused.passes and tries < self._retries and wait_s <= self._longest_wait_s:
                    tries += 1
                    await asyncio.sleep(wait_s)
                    continue
                msg = f"model {self.name}: {problem}"
                raise EngineError(msg) from refused
            except (openai.OpenAIError, httpx2.HTTPError, httpx2.StreamError) as error:
                is_connect = isinstance(error, openai.APIConnectionError)
                if is_connect and tries < self._retries and not isinstance(error, openai.APITimeoutError):
                    tries += 1
                    await asyncio.sleep(_PAUSE_S)
                    continue
                msg = f"model {self.name}: {self._without_key(_reason(error))}"
                raise EngineError(msg) from error
            else:
                return

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _once(self, request: dict[str, Any], offered: list[str]) -> AsyncIterator[TextDelta | ModelAnswer]:
        """One request.

        Raises:
            _RefusedError: it was refused before the model had said anything.
            EngineError: the answer broke off or is invalid.

        """
        body = {name: value for name, value in request.items() if name not in {"model", "messages"}}
        answer, events = AnswerAssembler(offered, self._hold_s), EventStreamParser()
        opened = self._client.chat.completions.with_streaming_response.create(
            model=request["model"], messages=request["messages"], extra_body=body
        )
        try:
            response = await opened.__aenter__()
        except openai.APIStatusError as error:
            raise await _refused(error) from error
        try:
            chunks = response.iter_bytes()
            async for said in self._read(chunks, events, answer):
                yield TextDelta(said, *answer.tokens)
            yield self._result(answer)
            if events.done:
                await _drain(chunks)
        finally:
            # AutoGen's own client leaves this to the garbage collector, while the server continues to generate
            await asyncio.shield(asyncio.ensure_future(response.close()))

    async def _read(
        self, chunks: AsyncIterator[bytes], events: EventStreamParser, answer: AnswerAssembler
    ) -> AsyncIterator[str]:
        """The text to say as it arrives; "" while the model only reasons."""
        try:
            async for value in _values(chunks, events, answer):
                said = answer.overdue() if value is _OVERDUE else answer.take(value)
                if said is not None:
                    yield said
            _check_end(events, answer)
            rest = answer.end()
        except (EngineError, openai.OpenAIError, httpx2.HTTPError, httpx2.StreamError) as error:
            if isinstance(error, ReportedError) and not answer.started:
                raise _RefusedError(HTTPStatus.OK, str(error)) from error
            if said := answer.end(whole=False):
                yield said
            msg = f"model {self.name}: {self._without_key(_reason(error))}"
            raise EngineError(msg) from error
        if rest:
            yield rest

    def _result(self, answer: AnswerAssembler) -> ModelAnswer:
        """The whole answer; its beginning is remembered for the next prompt."""
        result = answer.result()
        if answer.inline.began_in_thought:
            self._hold_s = math.inf
        elif self._hold_s and not (math.isinf(self._hold_s) and result.finish_reason == "length"):
            self._hold_s = 0.0
        return result

    def _without_key(self, text: str) -> str:
        return text.replace(self._key, "…") if self._key else text


async def _values(
    chunks: AsyncIterator[bytes], events: EventStreamParser, answer: AnswerAssembler
) -> AsyncIterator[Any]:
    """The chunks of the answer up to its end; `_OVERDUE` if none arrives while text is held back."""
    while True:
        coming = asyncio.ensure_future(anext(chunks, None)) if answer.inline.held_for_s is not None else None
        if coming is not None:
            try:
                done, _ = await asyncio.wait({coming}, timeout=answer.inline.held_for_s)
                if not done:
                    yield _OVERDUE
                chunk = await coming
            finally:
                coming.cancel()
        else:
            chunk = await anext(chunks, None)
        for value in events.feed(chunk) if chunk is not None else events.end():
            yield value
        if chunk is None or events.done or answer.full:
            return


def _check_end(events: EventStreamParser, answer: AnswerAssembler) -> None:
    """Check that the server has marked the end of the answer, in any of the known ways.

    Raises:
        EngineError: it has not.

    """
    if not (events.done or answer.full or answer.finish_reason):
        msg = "the stream broke off"
        raise EngineError(msg)


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Read a stream to its end, which is expected soon."""
    try:
        async with asyncio.timeout(_DRAIN_S):
            async for _ in chunks:
                pass
    except (TimeoutError, openai.OpenAIError, httpx2.HTTPError, httpx2.StreamError):
        return  # the next request then opens a new connection


async def _refused(error: openai.APIStatusError) -> _RefusedError:
    """The meaning of a response with an error status."""
    headers, text = error.response.headers, error.message
    problem = failure(error.body) or failure({"error": error.body}) or one_line(text)
    if isinstance(error.body, dict | list):
        problem = one_line(f"{problem} {_rest_of(error.body, problem)}")
    final = headers.get("x-should-retry") == "false" or "insufficient_quota" in problem
    return _RefusedError(error.status_code, problem, _wait_s(headers), final=final)


def _rest_of(body: Any, problem: str) -> str:
    """Further parts of a structured refusal; many name the field beside the message."""
    names = [body.get(name) for name in ("param", "loc", "type", "code")] if isinstance(body, dict) else []
    return " ".join(str(name) for name in names if name and str(name) not in problem)


def _wait_s(headers: Any) -> float | None:
    """The pause that the server asks for, in seconds."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if not value:
            continue
        try:
            seconds = float(value) * unit
        except ValueError:
            try:
                seconds = parsedate_to_datetime(value).timestamp() - SYSTEM_CLOCK.time()
            except (ValueError, TypeError):
                continue  # neither seconds nor a date: treated as absent
        if math.isfinite(seconds):
            return max(0.0, seconds)
    return None


def _reason(error: Exception) -> str:
    if isinstance(error, EngineError):
        return str(error)
    if isinstance(error, openai.APITimeoutError):
        return f"the server cannot be reached within {_CONNECT_S:.0f} s"
    cause = f" ({type(error.__cause__).__name__}: {error.__cause__})" if error.__cause__ else ""
    return one_line(f"{type(error).__name__}: {error}{cause}")
