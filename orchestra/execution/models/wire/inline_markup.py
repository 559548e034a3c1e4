"""Splits a model's text into the part to say and the rest: reasoning, tool calls, and tokens of its template.

Servers that know their model's template remove these themselves; many do not, or not always.
"""

# ruff: noqa: RUF001 - some templates use letters that look like others

import math
import re
import time
from collections.abc import Callable, Sequence
from typing import Final, Literal

from orchestra.execution.models.wire.tool_call_notations import Written, is_call, json_value, written_calls

Kind = Literal["thought", "call", "fence", "json", "head", "channel", "mark", "stop"]

#: tokens around reasoning or a call; None: it extends to the end of the answer
_BETWEEN: Final[dict[str, tuple[Kind, str | None]]] = {
    **{
        f"<{tag}>": ("thought", f"</{tag}>")
        for tag in (
            "think", "thinking", "thought", "thoughts", "reasoning", "reason", "reflection", "analysis", "scratchpad",
            "seed:think", "inner_monologue", "antthinking",
        )
    },
    "◁think▷": ("thought", "◁/think▷"),
    "[think]": ("thought", "[/think]"),
    "<|begin_of_thought|>": ("thought", "<|end_of_thought|>"),
    "<|start_thinking|>": ("thought", "<|end_thinking|>"),
    "<unused94>": ("thought", "<unused95>"),
    "<|channel>": ("thought", "<channel|>"),
    "<|channel|>": ("channel", "<|message|>"),
    **{
        f"<{tag}>": ("call", f"</{tag}>")
        for tag in (
            "tool_call", "tool_calls", "function_call", "function_calls", "functioncall", "tool_code", "tool_use",
            "minimax:tool_call", "tools",
        )
    },
    "<function=": ("call", "</function>"),
    "<invoke ": ("call", "</invoke>"),
    "<tool name=": ("call", "</tool>"),
    "<|tool_call|>": ("call", "<|/tool_call|>"),
    "<|tool_call>": ("call", "<tool_call|>"),
    "<|tool_calls_section_begin|>": ("call", "<|tool_calls_section_end|>"),
    "<|tool_call_begin|>": ("call", "<|tool_call_end|>"),
    "<｜tool▁calls▁begin｜>": ("call", "<｜tool▁calls▁end｜>"),
    "<｜tool▁call▁begin｜>": ("call", "<｜tool▁call▁end｜>"),
    "<|start_action|>": ("call", "<|end_action|>"),
    "<|python_tag|>": ("call", "<|eom_id|>"),
    "[tool_calls]": ("call", None),
    "[tool_call]": ("call", None),
    "```": ("fence", "```"),
    **dict.fromkeys(("<|im_start|>", "<start_of_turn>"), ("head", "\n")),
    "<|start|>": ("head", "<|channel|>"),
    "<|start_header_id|>": ("head", "<|end_header_id|>"),
    **dict.fromkeys(
        ("<s>", "<|end|>", "<|begin_of_text|>", "<bos>", "<|message|>", "<|call|>"),
        ("mark", ""),
    ),
    **dict.fromkeys(
        (
            "</s>", "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|endoftext|>", "<end_of_turn>",
            "<eos>", "<|return|>", "<|end_of_turn|>", "<|user|>", "<|observation|>", "<｜end▁of▁sentence｜>",
            "<｜user｜>", "<|end_of_turn_token|>", "[/inst]", "[inst]",
        ),
        ("stop", ""),
    ),
}  # fmt: skip
_THOUGHTS_END: Final = tuple(end for kind, end in _BETWEEN.values() if kind == "thought" and end)
_MARKS: Final = (*_BETWEEN, *_THOUGHTS_END)
_LONGEST: Final = max(map(len, _MARKS))
_MARK = re.compile("|".join(re.escape(mark) for mark in sorted(_MARKS, key=len, reverse=True)), re.IGNORECASE)
#: the beginning of a call written as bare JSON, and of text that may become one
_JSON = re.compile(r"(?:\[\s*)?\{\s*\"(?:name|tool_name|tool|function|function_name|type|arguments|parameters|action"
                   r"|tool_calls?|function_call|recipient_name|tool_uses|id)\"\s*:")  # fmt: skip
_JSON_PERHAPS = re.compile(r"(?:\[\s*)?(?:\{\s*(?:\"\w{0,16}(?:\"\s*)?)?)?\Z")
_FIRST = re.compile(r"[<\[◁`{]")
#: maximum characters of a call in a fence or as bare JSON
_LONGEST_CALL: Final = 4_000
#: seconds for which the first words of an unknown server are held back
UNKNOWN_S: Final = 0.6


class InlineSplitter:
    """Takes the text of an answer and returns the part that is to be said.

    Some templates put the opening token of the reasoning into the prompt, so that an answer has only the closing one:
    everything before it was reasoning. Where that is possible, the first words are held back.

    Args:
        offered: names of the tools that the model was offered; such a name with a bracket also begins a call.
        hold_s: seconds for which the first words are held back: 0 if the server is known to send tokens in pairs,
            infinite if it is known not to.
        clock: a monotonic clock, in seconds.

    Attributes:
        calls: the tool calls in the text.
        ended: the model has ended its answer and continues in another role: the rest is ignored.
        began_in_thought: the answer had only the closing token of its reasoning.

    """

    def __init__(
        self, offered: Sequence[str] = (), hold_s: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.calls: list[Written] = []
        self.ended = False
        self.began_in_thought = False
        self._offered = offered
        self._marks = (*_MARKS, *(f"[{name.lower()}(" for name in offered))
        self._called = re.compile(rf"\[(?:{'|'.join(map(re.escape, offered))})\(") if offered else None
        self._hold_s = hold_s
        self._clock = clock
        self._since: float | None = None
        self._held: list[str] = []
        self._text = ""
        self._kind: Kind | None = None
        self._open = ""
        self._close: str | None = None
        self._paired = self._said = False

    def feed(self, text: str) -> str:
        """The part of this text that is to be said."""
        if self.ended or not text:
            return ""
        if self._since is None:
            self._since = self._clock()
        self._text += text
        said: list[str] = []
        while self._step(said):
            pass
        return self._released("".join(said))

    def reasoning_came_apart(self) -> None:
        """The server has sent reasoning separately from the text: the text is unlikely to begin with more of it."""
        self._hold_s = min(self._hold_s, UNKNOWN_S)

    def release(self) -> str:
        """The text held back, now known not to be reasoning; nothing is held back from now on."""
        self._hold_s = 0.0
        held, self._held = "".join(self._held), []
        return held

    def end(self, *, whole: bool = True) -> str:
        """The part of the rest that is to be said, at the end of the answer; not ``whole``: it broke off."""
        said: list[str] = []
        if self._kind in {"call", "json", "fence"}:
            self._closed(self._text, said)
        elif self._kind is None and whole:  # otherwise the rest may be half a token
            said.append(self._text)
        self._text, self._kind = "", None
        if math.isinf(self._hold_s) and not whole:
            self._held = []  # most likely it broke off in its reasoning
            return ""
        return self.release() + "".join(said)

    @property
    def held_for_s(self) -> float | None:
        """For how many more seconds text is held back; None if there is none, or no limit."""
        if self._since is None or not any(self._held) or math.isinf(self._hold_s):
            return None
        return max(0.0, self._since + self._hold_s - self._clock())

    def _released(self, said: str) -> str:
        if not self._hold_s:
            return said
        self._held.append(said)
        return self.release() if self._paired or self.held_for_s == 0.0 else ""

    def _step(self, said: list[str]) -> bool:
        """Process the next piece of the text; False if there is none yet."""
        if self._kind is not None:
            return self._inside(said)
        mark, bare = _MARK.search(self._text), _JSON.search(self._text) or self._python(self._text)
        if bare and (mark is None or bare.start() <= mark.start()):
            self._say(self._text[: bare.start()], said)
            self._text, self._kind = self._text[bare.start() :], "json"
            if bare[0].endswith("("):
                self._text, self._kind, self._open, self._close = self._text[len(bare[0]) :], "call", bare[0], ")]"
            return True
        if mark is None:
            keep = self._perhaps()
            self._say(self._text[: len(self._text) - keep], said)
            self._text = self._text[len(self._text) - keep :]
            return False
        before, found = self._text[: mark.start()], mark[0].lower()
        self._text = self._text[mark.end() :]
        if found in _THOUGHTS_END and found not in _BETWEEN:
            self._thought_ended(before, said)
            return True
        self._say(before, said)
        self._opened(found, mark[0])
        return not self.ended

    def _opened(self, found: str, as_written: str) -> None:
        kind, close = _BETWEEN[found]
        if kind in {"stop", "head"} and self._said and close != "<|channel|>":
            self.ended, self._text = True, ""
        elif kind == "thought":
            self._paired = True
        if kind not in {"mark", "stop"}:
            self._kind, self._open, self._close = kind, as_written, close

    def _thought_ended(self, before: str, said: list[str]) -> None:
        """A closing token without its opening one: everything before it was reasoning."""
        if self._paired:
            self._say(before, said)
            return
        self._paired = self.began_in_thought = True
        said.clear()
        self.release()
        self._said = False

    def _inside(self, said: list[str]) -> bool:
        if self._kind == "json":
            return self._json(said)
        end = re.search(re.escape(self._close), self._text, re.IGNORECASE) if self._close else None
        if end is None:
            if self._kind == "fence" and len(self._text) > _LONGEST_CALL:
                self._closed(self._text, said)
                self._text = ""
            elif self._kind == "thought" and self._close:
                self._text = self._text[-len(self._close) :]  # enough to find its end
            return False
        inside, self._text = self._text[: end.start()], self._text[end.end() :]
        self._closed(inside, said)
        return True

    def _closed(self, inside: str, said: list[str]) -> None:
        """The part between two tokens has ended."""
        kind, self._kind = self._kind, None
        if kind == "channel":
            self._channel(inside)
        elif kind == "head" and self._close == "<|channel|>":
            self._kind, self._close = "channel", "<|message|>"
        elif kind == "call":
            if not self._open.endswith((">", "]")):
                inside = f"{self._open}{inside}{')]' * self._open.endswith('(')}"
            self.calls += written_calls(inside, self._offered, bare=True)
        elif kind == "json":
            self.calls += written_calls(inside, self._offered)
        elif kind == "fence":
            body = inside.partition("\n")[2] if "\n" in inside else inside
            calls = written_calls(body, self._offered)
            self.calls += calls
            if not calls and not _is_call(body):
                self._say(f"```{inside}```", said)

    def _channel(self, header: str) -> None:
        """``final`` is to be said, ``commentary to=functions.find`` is a call, everything else is reasoning."""
        if "to=" in header:
            self._kind, self._open, self._close = "call", header + " ", "<|call|>"
            self._text = header.partition("to=")[2] + " " + self._text
        elif not header.strip().lower().startswith("final"):
            self._kind, self._close = "thought", "<|end|>"
            self._paired = True

    def _json(self, said: list[str]) -> bool:
        """Bare JSON: a call up to its end, or else text to say."""
        end = _end_of_json(self._text)
        if end is None:
            return False
        inside, self._text = self._text[:end], self._text[end:]
        if _is_call(inside) or written_calls(inside, self._offered):
            self._closed(inside, said)
        else:
            self._kind = None
            self._say(inside, said)
        return True

    def _say(self, text: str, said: list[str]) -> None:
        if text:
            self._said = self._said or bool(text.strip())
            said.append(text)

    def _perhaps(self) -> int:
        """How many characters at the end may begin a token or a call."""
        tail = self._text[-_LONGEST:]
        for start in _FIRST.finditer(tail):
            rest = tail[start.start() :]
            if _JSON_PERHAPS.fullmatch(rest) or any(mark.startswith(rest.lower()) for mark in self._marks):
                return len(rest)
        return 0

    def _python(self, text: str) -> re.Match[str] | None:
        """The beginning of ``[find(number="4271")]``."""
        return self._called.search(text) if self._called else None


def _is_call(text: str) -> bool:
    try:
        return is_call(json_value(text))
    except ValueError:
        return False


def _end_of_json(text: str) -> int | None:
    """The end of the JSON at the beginning of the text; None if it is incomplete."""
    depth, in_string, escaped = 0, False, False
    for at, letter in enumerate(text):
        if in_string:
            escaped, in_string = letter == "\\" and not escaped, letter != '"' or escaped
        elif letter == '"':
            in_string = True
        elif letter in "{[":
            depth += 1
        elif letter in "}]":
            depth -= 1
            if depth == 0:
                return at + 1
    return len(text) if len(text) > _LONGEST_CALL else None
