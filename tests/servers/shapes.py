"""The shapes in which endpoints send an answer, each with the expected result: a table for whole turns.

Each shape is the whole body of one answer. In all of them the answer is `ANSWER` and the call is `CALL`.
"""

# ruff: noqa: RUF001 - the marks of some templates are letters that look like others

import json
from collections.abc import Iterator, Sequence
from typing import Any

from tests.servers.openai import Raw

ANSWER = "It is in the van. It comes today."
NUMBER = "4271"
ARGUMENTS = json.dumps({"number": NUMBER})
CALL = {"name": "find_parcel", "arguments": {"number": NUMBER}}
DONE = b"data: [DONE]\n\n"

Body = Sequence[bytes | dict[str, Any]]


def chunk(delta: Any, reason: Any = None, **more: Any) -> dict[str, Any]:
    """A chunk as the protocol defines it."""
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}


def event(value: Any) -> bytes:
    """A chunk as an event of the stream."""
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def words(text: str) -> list[dict[str, Any]]:
    """The text in chunks of a few letters, so that every mark in it is split."""
    return [chunk({"content": text[at : at + 3]}) for at in range(0, len(text), 3)]


def said(text: str, reason: str = "stop") -> list[Any]:
    """A well-formed stream that says this."""
    return [chunk({"role": "assistant", "content": ""}), *words(text), chunk({}, reason), DONE]


def called(*deltas: Any, reason: Any = "tool_calls") -> list[Any]:
    """A stream of these pieces of tool calls."""
    return [*(chunk({"tool_calls": [delta]}) for delta in deltas), chunk({}, reason), DONE]


def piece(arguments: Any = None, name: str | None = None, **more: Any) -> dict[str, Any]:
    """A piece of a tool call."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return {"type": "function", "function": function, **more}


def whole(message: dict[str, Any], reason: str = "stop", **more: Any) -> bytes:
    """A whole answer in one document."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
    return json.dumps({"id": "c", "object": "chat.completion", "choices": [choice], **more}).encode()


def in_pieces(body: bytes, size: int) -> list[bytes]:
    """Bytes cut at arbitrary places."""
    return [body[at : at + size] for at in range(0, len(body), size)]


def bytes_of(body: Body) -> bytes:
    """A body as it is sent."""
    return b"".join(event(each) if isinstance(each, dict) else each for each in body)


FIRST, REST = ANSWER.split(". ", 1)
_GOOD = said(ANSWER)
_END = chunk({}, "stop")
_USAGES: dict[str, Any] = {
    "null counts": {"prompt_tokens": 11, "completion_tokens": None, "total_tokens": 11},
    "no completion count": {"prompt_tokens": 11, "total_tokens": 11},
    "counts of 3.0": {"prompt_tokens": 11.0, "completion_tokens": 3.0},
    "details only": {"completion_tokens_details": {"reasoning_tokens": 3}},
    "counts in words": {"prompt_tokens": "11", "completion_tokens": "three"},
    "counts that are infinite": {"prompt_tokens": float("inf"), "completion_tokens": float("nan")},
    "negative counts": {"prompt_tokens": -1, "completion_tokens": -5},
    "a list of counts": [11, 3],
    "an empty usage": {},
}
_THOUGHTS: dict[str, tuple[str, str]] = {
    "think": ("<think>The caller is angry. Say 4271.</think>", ""),
    "thinking": ("<thinking>The caller is angry. Say 4271.</thinking>\n\n", ""),
    "reasoning": ("<reasoning>The caller is angry. Say 4271.</reasoning>", ""),
    "upper case": ("<THINK>The caller is angry. Say 4271.</THINK>", ""),
    "kimi": ("◁think▷The caller is angry. Say 4271.◁/think▷", ""),
    "magistral": ("[THINK]The caller is angry. Say 4271.[/THINK]", ""),
    "seed": ("<seed:think>The caller is angry. Say 4271.</seed:think>", ""),
    "gemma": ("<|channel>thought\nThe caller is angry. Say 4271.<channel|>", ""),
    "harmony": (
        "<|channel|>analysis<|message|>Angry. Say 4271.<|end|><|start|>assistant<|channel|>final<|message|>",
        "<|return|>",
    ),
    "closing mark only": ("The caller is angry. Say 4271.\n</think>\n\n", ""),
    "empty": ("<think>\n\n</think>\n\n", ""),
    "twice": ("<think>One. Two.</think><think>Three. Four.</think>", ""),
    "unclosed at the end": ("", "<think>The caller is angry. Say 4271."),
    "with a call in it": ('<think>Shall I? <tool_call>{"name": "book"}</tool_call></think>', ""),
}
_ENDS = (
    "<|im_end|>",
    "</s>",
    "<|eot_id|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "<|im_end|>\n<|im_start|>user\nAnd then?",
)
_HERMES = f"<tool_call>\n{json.dumps(CALL)}\n</tool_call>"
_WRITTEN: dict[str, str] = {
    "hermes": _HERMES,
    "hermes with words before": f"Let me see.{_HERMES}",
    "hermes twice the same": _HERMES * 2,
    "hermes unclosed": f"<tool_call>{json.dumps(CALL)}",
    "mistral": f"[TOOL_CALLS][{json.dumps(CALL)}]",
    "mistral, newer": f"[TOOL_CALLS]find_parcel[ARGS]{ARGUMENTS}",
    "llama": f'<|python_tag|>{{"name": "find_parcel", "parameters": {ARGUMENTS}}}<|eom_id|>',
    "llama, bare": f'{{"name": "find_parcel", "parameters": {ARGUMENTS}}}',
    "llama, bare with a type": f'{{"type": "function", "name": "find_parcel", "parameters": {ARGUMENTS}}}',
    "llama, custom": f"<function=find_parcel>{ARGUMENTS}</function>",
    "a bare list": json.dumps([CALL]),
    "bare behind words": f"Let me see.\n{json.dumps(CALL)}",
    "a json fence": f"```json\n{json.dumps(CALL, indent=2)}\n```",
    "a fence without a name": f"```\n{json.dumps(CALL)}\n```",
    "a fence with words around": f"Let me see.\n```json\n{json.dumps(CALL)}\n```\n",
    "gemini's python": f'```tool_code\nprint(default_api.find_parcel(number="{NUMBER}"))\n```',
    "pythonic": f'[find_parcel(number="{NUMBER}")]',
    "qwen coder": f"<tool_call><function=find_parcel><parameter=number>\n{NUMBER}\n</parameter></function></tool_call>",
    "glm": f"<tool_call>find_parcel\n<arg_key>number</arg_key>\n<arg_value>{NUMBER}</arg_value>\n</tool_call>",
    "minimax": f'<minimax:tool_call><invoke name="find_parcel"><parameter name="number">{NUMBER}</parameter></invoke>'
    "</minimax:tool_call>",
    "claude": f'<function_calls><invoke name="find_parcel"><parameter name="number">{NUMBER}</parameter></invoke>'
    "</function_calls>",
    "deepseek": "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>find_parcel\n```json\n"
    f"{ARGUMENTS}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    "deepseek, newer": f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>find_parcel<｜tool▁sep｜>{ARGUMENTS}"
    "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    "kimi": "<|tool_calls_section_begin|><|tool_call_begin|>functions.find_parcel:0<|tool_call_argument_begin|>"
    f"{ARGUMENTS}<|tool_call_end|><|tool_calls_section_end|>",
    "command r": f'<|START_ACTION|>[{{"tool_name": "find_parcel", "parameters": {ARGUMENTS}}}]<|END_ACTION|>',
    "granite": f"<|tool_call|>[{json.dumps(CALL)}]",
    "harmony": "<|channel|>commentary to=functions.find_parcel <|constrain|>json<|message|>" + ARGUMENTS + "<|call|>",
    "thought of first": f"<think>I need the tool. Yes.</think>\n\n{_HERMES}",
    "openai's own form": json.dumps({"tool_calls": [{"id": "x", "type": "function", "function": CALL}]}),
    "arguments as text": json.dumps({"name": "find_parcel", "arguments": ARGUMENTS}),
}


def says() -> Iterator[tuple[str, Raw]]:
    """Shapes of an answer that says `ANSWER`."""
    yield from _chunks()
    yield from _streams()
    yield from _contents()


def _chunks() -> Iterator[tuple[str, Raw]]:
    yield "good", Raw(_GOOD)
    yield "no choices in the first chunk", Raw([{"id": "c", "choices": []}, *_GOOD])
    yield "choices null", Raw([{"choices": None}, *_GOOD[:-1], {"choices": None, "usage": {"prompt_tokens": 1}}, DONE])
    yield "no choices at all", Raw([{"id": "c"}, {}, *_GOOD])
    yield (
        "no delta (asynchronous filter)",
        Raw(
            [*_GOOD[:-2], {"choices": [{"index": 0, "finish_reason": None, "content_filter_offsets": {}}]}, *_GOOD[-2:]]
        ),
    )
    yield "delta null", Raw([*_GOOD[:-2], {"choices": [{"index": 0, "delta": None}]}, *_GOOD[-2:]])
    yield "no index", Raw([{"choices": [{"delta": {"content": ANSWER}}]}, {"choices": [{"finish_reason": "stop"}]}])
    yield "index 1 throughout", Raw([{"choices": [{"index": 1, "delta": {"content": ANSWER}}]}, DONE])
    yield (
        "a second answer beside it",
        Raw([*_GOOD[:-2], {"choices": [{"index": 1, "delta": {"content": "Or not. No."}}]}, *_GOOD[-2:]]),
    )
    yield "prompt filter results first", Raw([{"choices": [], "prompt_filter_results": [{"prompt_index": 0}]}, *_GOOD])
    yield "role in every chunk", Raw([chunk({"role": "assistant", "content": ANSWER}), chunk({"role": ""}), _END, DONE])
    yield "content null at the end", Raw([*_GOOD[:-2], chunk({"content": None}), *_GOOD[-2:]])
    yield "done without a reason", Raw([*words(ANSWER), DONE])
    yield "a reason of nothing and done", Raw([*words(ANSWER), chunk({}, ""), DONE])
    yield "a reason without done", Raw([*words(ANSWER), _END])
    yield "the reason in the last text", Raw([chunk({"content": ANSWER}, "eos_token")])
    yield "nothing behind the last line", Raw([event(chunk({"content": ANSWER})), event(_END).rstrip(b"\n")])
    yield "something behind done", Raw([*_GOOD, chunk({"content": "Bye. Bye."})])


def _streams() -> Iterator[tuple[str, Raw]]:
    yield "data null", Raw([b"data: null\n\n", *_GOOD])
    yield "data empty", Raw([b"data:\n\n", b"data: \n\n", *_GOOD])
    yield "data without a blank", Raw([b"data:" + json.dumps(each).encode() + b"\n\n" for each in _GOOD[:-1]])
    yield "comments", Raw([b": ping\n\n", b":\n\n", *_GOOD[:2], b": OPENROUTER PROCESSING\n\n", *_GOOD[2:]])
    yield "pings", Raw([b"event: ping\ndata: ping\n\n", b'data: {"type": "ping"}\n\n', *_GOOD])
    yield "ids, events, retry", Raw([b"retry: 3\nid: 1\nevent: message\n" + event(chunk({"content": ANSWER})), _END])
    yield "CRLF", Raw([bytes_of(_GOOD).replace(b"\n", b"\r\n")])
    yield "CRLF cut anywhere", Raw(in_pieces(bytes_of(_GOOD).replace(b"\n", b"\r\n"), 7))
    yield "CR", Raw([bytes_of(_GOOD).replace(b"\n", b"\r")])
    yield "a byte order mark", Raw([b"\xef\xbb\xbf" + bytes_of(_GOOD)])
    yield "no blank lines", Raw([bytes_of(_GOOD).replace(b"\n\n", b"\n")])
    lines = json.dumps(chunk({"content": ANSWER}), indent=1).encode().split(b"\n")
    yield "an event on several lines", Raw([*(b"data: " + line + b"\n" for line in lines), b"\n", _END])
    yield "byte by byte", Raw(in_pieces(bytes_of([chunk({"content": ANSWER}), _END, DONE]), 1))
    yield (
        "JSON lines",
        Raw([json.dumps(each).encode() + b"\n" for each in _GOOD[:-1]], content_type="application/x-ndjson"),
    )
    yield "a whole answer", Raw([whole({"content": ANSWER})], content_type="application/json")
    yield "a whole answer in pieces", Raw(in_pieces(whole({"content": ANSWER}), 9), content_type="application/json")
    yield "a whole answer as an event", Raw([b"data: " + whole({"content": ANSWER}) + b"\n\n", DONE])
    yield "a whole answer for people", Raw([json.dumps(json.loads(whole({"content": ANSWER})), indent=2).encode()])
    yield "a whole answer behind blank lines", Raw([b"\n\n  \n", whole({"content": ANSWER})], content_type="text/plain")
    yield (
        "a whole answer repeated at the end",
        Raw(
            [
                *_GOOD[:-2],
                {"choices": [{"index": 0, "delta": {}, "message": {"content": ANSWER}, "finish_reason": "stop"}]},
            ]
        ),
    )
    yield "the older protocol", Raw([{"choices": [{"index": 0, "text": ANSWER, "finish_reason": "stop"}]}, DONE])
    yield "a list of chunks", Raw([b"data: " + json.dumps([chunk({"content": ANSWER}), _END]).encode() + b"\n\n"])


def _contents() -> Iterator[tuple[str, Raw]]:
    yield "content as parts", Raw([chunk({"content": [{"type": "text", "text": ANSWER}]}), _END, DONE])
    yield "content as one part", Raw([chunk({"content": {"type": "text", "text": ANSWER}}), _END, DONE])
    yield "content as parts with a thought", Raw(
        [chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Angry. Say so."}]}]}),
         chunk({"content": [{"type": "text", "text": ANSWER}]}), _END, DONE]
    )  # fmt: skip
    yield "a refusal", Raw([chunk({"content": None, "refusal": ANSWER}), _END, DONE])
    yield "tool calls null", Raw([chunk({"content": ANSWER, "tool_calls": None, "function_call": None}), _END, DONE])
    yield "tool calls empty", Raw([chunk({"content": ANSWER, "tool_calls": []}), _END, DONE])
    yield "error null", Raw([{**chunk({"content": ANSWER}), "error": None}, _END, DONE])
    yield "NUL in the text", Raw([chunk({"content": ANSWER.replace(" ", " \x00")}), _END, DONE])
    yield (
        "half a character",
        Raw([chunk({"content": "It is in the van\ud83d"}), chunk({"content": ". It comes today."}), _END]),
    )
    yield "two halves in two chunks", Raw(
        [b'data: {"choices":[{"delta":{"content":"It is in the van.\\ud83d"}}]}\n\n',
         b'data: {"choices":[{"delta":{"content":"\\ude9a It comes today."}}]}\n\n', _END]
    )  # fmt: skip
    yield (
        "bytes that are no text",
        Raw([event(chunk({"content": FIRST + ". #"})).replace(b"#", b"\xff\xfe"), *words(REST), _END]),
    )
    yield (
        "control characters in the JSON",
        Raw([event(chunk({"content": FIRST + ".#"})).replace(b"#", b"\x01\t"), *words(REST), _END]),
    )
    yield "NaN in a chunk", Raw([{**chunk({"content": ANSWER}), "usage": {"prompt_tokens": float("nan")}}, _END])
    for name, usage in _USAGES.items():
        yield f"usage: {name}", Raw([*_GOOD[:-1], {"choices": [], "usage": usage}, DONE])
    yield "usage: in every chunk", Raw([{**each, "usage": {"prompt_tokens": 9}} for each in _GOOD[:-1]])
    yield "usage: Groq's", Raw([*_GOOD[:-2], {**_END, "x_groq": {"usage": {"prompt_tokens": 9}}}])
    for field in ("reasoning_content", "reasoning", "thinking"):
        yield f"thoughts: {field}", Raw([chunk({field: "The caller is angry. Say 4271."}), *_GOOD])
    for name, (before, behind) in _THOUGHTS.items():
        yield f"thoughts: {name}", Raw(said(before + ANSWER + behind))
    for end in _ENDS:
        yield f"its end: {end!r}", Raw(said(ANSWER + end))


_HALF = len(ARGUMENTS) // 2
_PARTS = ARGUMENTS[:_HALF], ARGUMENTS[_HALF:]
_FIRST = piece("", "find_parcel", index=0, id="x1")
_OLDER = {"name": "find_parcel", "arguments": ""}, {"arguments": ARGUMENTS}
_CALLS = {
    "good": Raw(called(_FIRST, *(piece(part, index=0) for part in _PARTS))),
    "the name in every piece": Raw(called(*(piece(part, "find_parcel", index=0, id="x1") for part in _PARTS))),
    "the name in pieces": Raw(
        called(piece("", "find_", index=0, id="x1"), piece("", "parcel", index=0), piece(ARGUMENTS, index=0))
    ),
    "the name growing": Raw(
        called(piece("", "find", index=0, id="x1"), piece("", "find_parcel", index=0), piece(ARGUMENTS, index=0))
    ),
    "another id in every piece": Raw(
        called(*(piece(part, "find_parcel", index=0, id=f"x{n}") for n, part in enumerate(_PARTS)))
    ),
    "no index": Raw(called(piece("", "find_parcel", id="x1"), *(piece(part) for part in _PARTS))),
    "no index, no id, the name in every piece": Raw(called(*(piece(part, "find_parcel") for part in _PARTS))),
    "no index, whole": Raw(called(piece(ARGUMENTS, "find_parcel", id="x1"), reason="stop")),
    "index null": Raw(called({**_FIRST, "index": None}, *(piece(part, index=None) for part in _PARTS))),
    "index in words": Raw(called({**_FIRST, "index": "0"}, *(piece(part, index="0") for part in _PARTS))),
    "no id": Raw(called(piece(ARGUMENTS, "find_parcel", index=0))),
    "an empty id": Raw(called(piece(ARGUMENTS, "find_parcel", index=0, id=""))),
    "a number as id": Raw(called(piece(ARGUMENTS, "find_parcel", index=0, id=7))),
    "no type": Raw([chunk({"tool_calls": [{"index": 0, "function": CALL}]}), chunk({}, "stop"), DONE]),
    "no function": Raw([chunk({"tool_calls": [{"index": 0, "id": "x", **CALL}]}), chunk({}, "stop"), DONE]),
    "one mapping in place of a list": Raw([chunk({"tool_calls": piece(ARGUMENTS, "find_parcel")}), DONE]),
    "arguments as an object": Raw(called(piece({"number": NUMBER}, "find_parcel", index=0, id="x1"))),
    "arguments in a string twice": Raw(called(piece(json.dumps(ARGUMENTS), "find_parcel", index=0, id="x1"))),
    "arguments again at the end": Raw(
        called(_FIRST, piece(ARGUMENTS, index=0), piece(ARGUMENTS, "find_parcel", index=0, id="x1"))
    ),
    "arguments again in a string": Raw(
        called(_FIRST, piece(ARGUMENTS, index=0), piece(json.dumps(ARGUMENTS), index=0))
    ),
    "an empty object first": Raw(called(piece("{}", "find_parcel", index=0, id="x1"), piece(ARGUMENTS, index=0))),
    "the same call twice": Raw(called(*(piece(ARGUMENTS, "find_parcel", index=n, id=f"x{n}") for n in range(2)))),
    "the same call 300 times": Raw(called(*(piece(ARGUMENTS, "find_parcel", index=n, id=f"x{n}") for n in range(300)))),
    "the name with marks of a template": Raw(
        called(piece(ARGUMENTS, "find_parcel<|channel|>commentary", index=0, id="x"))
    ),
    "the name in a namespace": Raw(called(piece(ARGUMENTS, "functions.find_parcel", index=0, id="x1"))),
    "the name with a hyphen": Raw(called(piece(ARGUMENTS, "find-parcel", index=0, id="x1"))),
    "the name with blanks": Raw(called(piece(ARGUMENTS, " find_parcel\n", index=0, id="x1"))),
    "a call of nothing beside it": Raw(called(piece(ARGUMENTS, "find_parcel", index=0), piece("", "", index=1))),
    "no mapping beside it": Raw(
        [chunk({"tool_calls": [None, "x", 3, piece(ARGUMENTS, "find_parcel", index=0)]}), DONE]
    ),
    "the older protocol": Raw([*(chunk({"function_call": each}) for each in _OLDER), chunk({}, "function_call"), DONE]),
    "a reason of stop": Raw(called(_FIRST, piece(ARGUMENTS, index=0), reason="stop")),
    "done without a reason": Raw(called(_FIRST, piece(ARGUMENTS, index=0), reason=None)),
    "the reason in the same chunk": Raw(
        [chunk({"tool_calls": [piece(ARGUMENTS, "find_parcel", index=0)]}, "tool_calls")]
    ),
    "a whole answer": Raw(
        [whole({"content": None, "tool_calls": [piece(ARGUMENTS, "find_parcel", id="x1")]}, "tool_calls")],
        content_type="application/json",
    ),
    "thoughts before it": Raw([chunk({"reasoning_content": "Hm. Well."}), *called(_FIRST, piece(ARGUMENTS, index=0))]),
    "also in the text": Raw([*words(_HERMES), *called(_FIRST, piece(ARGUMENTS, index=0))]),
}


def calls() -> Iterator[tuple[str, Raw]]:
    """Shapes of an answer that makes `CALL`."""
    yield from _CALLS.items()
    for name, text in _WRITTEN.items():
        yield f"in the text: {name}", Raw(said(text))


def fails() -> Iterator[tuple[str, Raw, str]]:
    """Shapes of a failure, each with the error message expected for it."""
    error = {"error": {"message": "the engine is on fire", "code": 500}}
    json_body = "application/json"
    yield "an error with 200", Raw([json.dumps(error).encode()], content_type=json_body), "on fire"
    yield "an error with 200 in a list", Raw([json.dumps([error]).encode()], content_type=json_body), "on fire"
    yield "an error as an event", Raw([error, DONE]), "on fire"
    yield "an error event", Raw([b"event: error\n" + event(error)]), "on fire"
    yield "an error in words", Raw([{"error": "the engine is on fire", "error_type": "generation"}]), "on fire"
    yield "an older vLLM's", Raw([{"object": "error", "message": "the engine is on fire", "code": 40001}]), "on fire"
    yield (
        "Anthropic's",
        Raw([{"type": "error", "error": {"type": "overloaded_error", "message": "on fire"}}]),
        "on fire",
    )
    yield "FastAPI's", Raw([{"detail": [{"loc": ["body"], "msg": "on fire"}]}]), "on fire"
    yield (
        "in a choice",
        Raw([{"choices": [{"delta": {}, "error": {"message": "on fire"}, "finish_reason": "error"}]}]),
        "on fire",
    )
    yield "a reason of error", Raw([chunk({"content": ""}, "error"), DONE]), "error"
    yield "nothing", Raw([b""]), "broke off"
    yield "only done", Raw([DONE]), "nothing to say"
    yield "only a reason", Raw([_END, DONE]), "nothing to say"
    yield (
        "only thoughts",
        Raw([chunk({"reasoning_content": "Hm. Well. No."}), chunk({}, "length"), DONE]),
        "nothing to say",
    )
    yield "only thoughts in the text", Raw(said("<think>Hm. Well. No.", "length")), "nothing to say"
    yield (
        "only a call of a tool that is not offered",
        Raw(said('<tool_call>{"name": "fly", "arguments": {}}</tool_call>')),
        "nothing to say",
    )
    yield (
        "a page for people",
        Raw([b"<!DOCTYPE html><html><body>Please log in.</body></html>"], content_type="text/html"),
        "not a stream",
    )
    yield "cut in the first chunk", Raw([b'data: {"choices": [{"delta": {"content": "It is'], cut=True), "test-model"
    yield "an event that is no JSON", Raw([b'data: {"choices": [{"delta"\n\n', *_GOOD]), "not valid JSON"
    yield "nested without end", Raw([b'data: {"choices": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n\n"]), "nested"
    yield "an event without end", Raw([b"data: {" + b" " * (5 * 1024**2)]), "larger than"
