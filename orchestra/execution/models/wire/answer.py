"""Assembles one answer of a model from the chunks of its stream, in any form that servers send."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

from orchestra.errors import ReportedError
from orchestra.execution.models.port import ModelAnswer
from orchestra.execution.models.wire.calls import CallAssembler
from orchestra.execution.models.wire.inline_markup import InlineSplitter
from orchestra_schemas import clean_text

_THINKS: Final = ("reasoning_content", "reasoning", "thinking", "thoughts", "reasoning_text", "reasoning_details")
_TEXT_PARTS: Final = (None, "text", "output_text", "refusal")
_PROMPT: Final = ("prompt_tokens", "input_tokens")
_COMPLETION: Final = ("completion_tokens", "output_tokens")
#: maximum characters of an answer; nobody says this much in one turn
_LONGEST: Final = 100_000
#: lone surrogates and terminal control characters
_NO_TEXT: Final = dict.fromkeys([0xFFFD, 0x7F, *range(0x09), *range(0x0B, 0x20), *range(0x80, 0xA0)])


class AnswerAssembler:
    """Takes chunks and returns the text that is to be said.

    Args:
        offered: names of the tools that the model was offered.
        hold_s: see `InlineSplitter`.

    Attributes:
        finish_reason: the server's, empty until it comes.
        started: something of it has arrived.

    """

    def __init__(self, offered: Sequence[str], hold_s: float = 0.0) -> None:
        self.finish_reason = ""
        self.started = False
        self.inline = InlineSplitter(offered, hold_s)
        self._calls = CallAssembler(offered)
        self._text: list[str] = []
        self._size = 0
        self._half = ""
        self._index: int | None = None
        self._from_delta = False
        self._tokens = {_PROMPT: 0, _COMPLETION: 0}

    @property
    def full(self) -> bool:
        """Whether the rest of it is not needed."""
        return self.inline.ended or self._size > _LONGEST

    @property
    def tokens(self) -> tuple[int, int]:
        """Tokens of the prompt and of the answer that the server has counted so far, 0 if it has not."""
        return self._tokens[_PROMPT], self._tokens[_COMPLETION]

    def take(self, chunk: Any) -> str | None:
        """The text of this chunk to say; "" if it only shows that the model is working, None if not even that.

        Raises:
            ReportedError: the chunk reports a failure.

        """
        if isinstance(chunk, list):
            parts = [part for part in map(self.take, chunk) if part is not None]
            return "".join(parts) if parts else None
        if not isinstance(chunk, dict):
            return None
        if problem := failure(chunk):
            raise ReportedError(problem)
        self._count(chunk)
        choice = self._choice(chunk.get("choices"))
        if choice is None:
            return None
        self.started = True
        if problem := failure({"error": choice.get("error")}):
            raise ReportedError(problem)
        reason = choice.get("finish_reason")
        if reason == "error":
            msg = "the model broke off with an error"
            raise ReportedError(msg)
        if isinstance(reason, str) and reason not in {"", "null"}:
            self.finish_reason = clean_text(reason)[:40]
        return self._delta(choice)

    def overdue(self) -> str:
        """The text that has been held back for long enough."""
        return self._kept(self.inline.release())

    def end(self, *, whole: bool = True) -> str:
        """The rest of the text, at the end of the stream; not ``whole``: it broke off."""
        said = self.inline.end(whole=whole and self.finish_reason != "length")
        return self._kept(said)

    def result(self) -> ModelAnswer:
        """The answer; call it after `end`."""
        for name, arguments in self.inline.calls:
            self._calls.add_whole(name, arguments)
        calls = self._calls.all()
        return ModelAnswer(
            text="".join(self._text),
            tool_calls=calls,
            finish_reason=self.finish_reason or ("tool_calls" if calls else "stop"),
            prompt_tokens=self._tokens[_PROMPT],
            completion_tokens=self._tokens[_COMPLETION],
        )

    def _choice(self, choices: Any) -> dict[str, Any] | None:
        """The requested answer; some servers send others along with it."""
        for choice in choices if isinstance(choices, list) else [choices]:
            if not isinstance(choice, dict):
                continue
            index = choice.get("index")
            index = index if type(index) is int else 0
            if self._index is None:
                self._index = index
            if index == self._index:
                return choice
        return None

    def _delta(self, choice: dict[str, Any]) -> str | None:
        delta, message = choice.get("delta"), choice.get("message")
        if isinstance(delta, dict) and delta:
            self._from_delta = True
        elif isinstance(message, dict) and not self._from_delta:
            delta = message
        elif isinstance(choice.get("text"), str) and not self._from_delta:
            delta = {"content": choice["text"]}
        if not isinstance(delta, dict):
            return None
        thinks = any(delta.get(name) for name in _THINKS)
        calls = delta.get("tool_calls") or []
        calls = [*(calls if isinstance(calls, list) else [calls]), delta.get("function_call")]
        for call in calls:
            self._calls.add(call)
        texts = list(_texts(delta.get("content"))) or list(_texts(delta.get("refusal")))
        if thinks:
            self.inline.reasoning_came_apart()
        said = self._kept(self.inline.feed(self._joined("".join(texts))))
        return said if said or thinks or any(calls) or delta.get("content") else None

    def _joined(self, text: str) -> str:
        """The text with surrogate pairs joined that were split over two chunks, and without control characters."""
        text, self._half = self._half + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return clean_text(text).translate(_NO_TEXT) if text else ""

    def _kept(self, said: str) -> str:
        if said:
            self._text.append(said)
            self._size += len(said)
        return said

    def _count(self, chunk: dict[str, Any]) -> None:
        groq = chunk.get("x_groq")
        for usage in (chunk.get("usage"), groq.get("usage") if isinstance(groq, dict) else None):
            if not isinstance(usage, dict):
                continue
            counts = {names: max(_count(usage.get(name)) for name in names) for names in self._tokens}
            if not counts[_COMPLETION] and counts[_PROMPT]:
                counts[_COMPLETION] = max(0, _count(usage.get("total_tokens")) - counts[_PROMPT])
            self._tokens = {names: counts[names] or known for names, known in self._tokens.items()}


def failure(body: Any) -> str:
    """The failure that a body reports, in any of the servers' forms, also with status 200; empty if there is none."""
    if isinstance(body, list):
        return next((problem for problem in map(failure, body) if problem), "")
    if not isinstance(body, dict):
        return ""
    error = body.get("error")
    if not error and not body.get("choices"):
        is_report = body.get("object") == "error" or body.get("type") == "error" or "usage" not in body
        error = (body.get("detail") or body.get("message")) if is_report else None
    if not error:
        return ""
    if isinstance(error, dict):
        said = next((error[key] for key in ("message", "msg", "detail", "error") if error.get(key)), None) or error
        code = next((error[key] for key in ("code", "status", "type") if error.get(key)), "")
        error = f"{said} ({code})" if code and said is not error else said
    return one_line(str(error))


def one_line(text: str, most: int = 300) -> str:
    """A server's message in one line, without terminal control characters."""
    words = " ".join(
        "".join(letter if letter.isprintable() else " " for letter in clean_text(text[: 4 * most])).split()
    )
    return words if len(words) <= most else f"{words[:most]}…"


def _texts(content: Any) -> Iterator[str]:
    """The text of a content, which is a string or parts; without reasoning and images."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for part in content:
            yield from _texts(part)
    elif isinstance(content, dict) and content.get("type") in _TEXT_PARTS:
        for name in ("text", "value", "refusal"):
            if content.get(name):
                yield from _texts(content[name])
                return


def _count(value: Any) -> int:
    """A count of tokens; 0 for anything that is not one."""
    if isinstance(value, str):
        value = int(value) if value.strip().isdecimal() and len(value) < 16 else 0  # noqa: PLR2004 - a count
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return 0
    return max(0, min(int(value), 10**12))
