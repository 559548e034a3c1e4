"""Parses tool calls that a model has written into its text, in the notations of the models' templates."""

import ast
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from orchestra.agents.arguments import tool_name

#: name and arguments, as JSON text
Written = tuple[str, str]

_ELEMENT = re.compile(
    r"<(?:function=|invoke\s+name=|tool\s+name=)\s*[\"']?([\w.-]+)[\"']?\s*>(.*?)(?:</(?:function|invoke|tool)>|\Z)",
    re.DOTALL,
)
_PARAMETER = re.compile(
    r"<parameter(?:=|\s+name=)\s*[\"']?([\w.-]+)[\"']?[^>]*>\s*(.*?)\s*(?:</parameter>|(?=<parameter)|\Z)", re.DOTALL
)
_PAIR = re.compile(r"<arg_key>\s*(.*?)\s*</arg_key>\s*<arg_value>\s*(.*?)\s*</arg_value>", re.DOTALL)
_WORD = re.compile(r"[\w.-]+")
_NAMES = ("name", "tool_name", "tool", "function_name", "action", "recipient_name")
_ARGUMENTS = ("arguments", "parameters", "args", "input", "action_input", "tool_input", "params", "kwargs")
_INNER = ("function", "function_call", "tool_call", "tool_calls", "tool_uses", "calls")

_decoder = json.JSONDecoder(strict=False)


def written_calls(text: str, offered: Sequence[str], *, bare: bool = False) -> list[Written]:
    """The calls of offered tools in a part of the text that is not spoken; ``bare``: a name alone counts as one."""
    notations = (_elements(text), _pairs(text), _objects(text, offered), _python(text))
    found = next((calls for calls in map(list, notations) if calls), [(text.strip(), "{}")] if bare else [])
    known = [(tool_name(name, offered), arguments) for name, arguments in found]
    return [(name, arguments) for name, arguments in known if name in offered]


def is_call(value: Any) -> bool:
    """Whether a JSON value has the form of a call, of any tool: it must not be spoken."""
    if isinstance(value, list):
        return bool(value) and all(is_call(each) for each in value)
    if not isinstance(value, dict):
        return False
    if any(isinstance(value.get(key), dict | list) and is_call(value[key]) for key in _INNER):
        return True
    return any(isinstance(value.get(key), str) for key in (*_NAMES, "function")) and any(
        isinstance(value.get(key), dict | str) for key in _ARGUMENTS
    )


def json_value(text: str) -> Any:
    """The text as a JSON value.

    Raises:
        ValueError: it is not one.

    """
    try:
        return _decoder.decode(text.strip())
    except RecursionError as error:
        raise ValueError(str(error)) from error


def _elements(text: str) -> Iterator[Written]:
    """``<function=find><parameter=number>4271</parameter></function>`` and ``<invoke name="find">…``."""
    for name, inside in _ELEMENT.findall(text):
        parameters = {key: _typed(value) for key, value in _PARAMETER.findall(inside)}
        if not parameters and inside.strip().startswith("{"):
            yield name, inside.strip()
        else:
            yield name, json.dumps(parameters, ensure_ascii=False)


def _pairs(text: str) -> Iterator[Written]:
    """``find <arg_key>number</arg_key><arg_value>4271</arg_value>``."""
    pairs = _PAIR.findall(text)
    name = _WORD.search(text.partition("<arg_key>")[0])
    if pairs and name:
        yield name[0], json.dumps({key: _typed(value) for key, value in pairs}, ensure_ascii=False)


def _typed(value: str) -> Any:
    """A value between two tags: lists and mappings are JSON, the tool checks everything else."""
    if value[:1] in {"[", "{"}:
        try:
            return json_value(value)
        except ValueError:
            return value
    return value


def _objects(text: str, offered: Sequence[str]) -> Iterator[Written]:
    """``{"name": "find", "arguments": {…}}``, lists of such, and ``find … {…}``."""
    at = before = 0
    while (at := _next_brace(text, at)) >= 0:
        try:
            value, end = _decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            at += 1
            continue
        calls = list(_in_value(value))
        if not calls and isinstance(value, dict):
            names = [word for word in _WORD.findall(text[before:at]) if tool_name(word, offered) in offered]
            calls = [(name, text[at:end]) for name in names[-1:]]
        yield from calls
        at = before = end


def _next_brace(text: str, start: int) -> int:
    indexes = [index for index in (text.find("{", start), text.find("[", start)) if index >= 0]
    return min(indexes, default=-1)


def _in_value(value: Any) -> Iterator[Written]:
    if isinstance(value, list):
        for each in value:
            yield from _in_value(each)
        return
    if not isinstance(value, dict):
        return
    inner = [value[key] for key in _INNER if isinstance(value.get(key), dict | list)]
    if inner:
        for each in inner:
            yield from _in_value(each)
        return
    name = next((value[key] for key in (*_NAMES, "function") if isinstance(value.get(key), str)), None)
    arguments = next((value[key] for key in _ARGUMENTS if key in value), None)
    if name is None or (arguments is None and len(value) > 1):
        return
    yield name, arguments if isinstance(arguments, str) else json.dumps(arguments or {}, ensure_ascii=False)


def _python(text: str) -> Iterator[Written]:
    """``[find(number="4271")]`` and ``print(tools.find(number="4271"))``."""
    source = text.strip().strip("`")
    try:
        tree = ast.parse(source)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or node.args or not node.keywords:
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        try:
            values = {each.arg: ast.literal_eval(each.value) for each in node.keywords if each.arg is not None}
            yield name, json.dumps(values, ensure_ascii=False)
        except (ValueError, TypeError, RecursionError):
            continue  # its values are not literals: it is code, not a call
