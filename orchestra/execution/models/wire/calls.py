"""Assembles tool calls from their pieces, even if a server omits, repeats or reformats some of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestra.agents.arguments import LONGEST, argument_objects, tool_name
from orchestra_schemas import ToolCall, clean_text

_ARGUMENTS = ("arguments", "parameters", "input", "args")
#: maximum characters of invalid arguments that are kept to show them to the model
_SHOWN = 2_000


@dataclass(slots=True)
class _Call:
    index: int | None
    id: str
    name: str = ""
    pieces: list[str] = field(default_factory=list)
    size: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether its arguments are a complete object: what follows belongs to another call."""
        try:
            return any(self.pieces) and bool(argument_objects("".join(self.pieces)))
        except ValueError:
            return False


class CallAssembler:
    """Assembles the tool calls of one answer.

    Args:
        offered: names of the tools that the model was offered.

    """

    def __init__(self, offered: Sequence[str]) -> None:
        self._offered = offered
        self._calls: list[_Call] = []

    def __bool__(self) -> bool:
        return bool(self._calls)

    def add(self, delta: Any) -> None:
        """Add a piece of a call; ignored unless it is a mapping."""
        if not isinstance(delta, dict):
            return
        inner = delta.get("function")
        function: dict[str, Any] = inner if isinstance(inner, dict) else delta
        name, call_id, index = _word(function.get("name")), _word(delta.get("id")), _number(delta.get("index"))
        piece = _written(next((function[key] for key in _ARGUMENTS if function.get(key) is not None), None))
        call = self._open_call(index, call_id, name)
        if call is None:
            if not name and not piece:
                return
            call = _Call(index, call_id)
            self._calls.append(call)
        call.id = call.id or call_id
        self._name(call, name)
        if call.size <= LONGEST:
            call.pieces.append(piece)
            call.size += len(piece)

    def add_whole(self, name: str, arguments: str) -> None:
        """Add a call that the model wrote into the text."""
        self._calls.append(_Call(None, "", name, [arguments]))

    def all(self) -> tuple[ToolCall, ...]:
        """The calls without repetitions: a server may send the same call in two ways.

        Arguments are the text of an object, or the beginning of what the model wrote instead.
        """
        found: dict[tuple[str, str], ToolCall] = {}
        for call in self._calls:
            name, text = tool_name(call.name, self._offered), "".join(call.pieces)
            if not name:
                continue
            try:
                objects = argument_objects(text)
            except ValueError:
                objects = [clean_text(text[:_SHOWN])]
            for number, arguments in enumerate(objects):
                call_id = clean_text(call.id) if number == 0 else ""
                found.setdefault((name, _same(arguments)), ToolCall(id=call_id, name=name, arguments=arguments))
        return tuple(found.values())

    def _open_call(self, index: int | None, call_id: str, name: str) -> _Call | None:
        """The call that a piece belongs to; None if it begins a new one."""
        known = [
            call
            for call in self._calls
            if (index is not None and call.index == index) or (index is None and call_id and call.id == call_id)
        ]
        if not known and self._calls and not name and (index is None or self._calls[-1].index is None):
            known = self._calls[-1:]
        if not known and self._calls and name and index is None and not call_id and name == self._calls[-1].name:
            known = self._calls[-1:]
        call = known[-1] if known else None
        if call is None or not name or not call.name:
            return call
        if name == call.name:
            return None if call_id and call_id != call.id and call.is_whole else call
        return call if self._is_rest(call, name) or (call.pieces and not call.is_whole and any(call.pieces)) else None

    def _is_rest(self, call: _Call, name: str) -> bool:
        """Whether this is the next piece of a name, or the whole name again."""
        if call.name in self._offered or any(call.pieces):
            return False
        return name.startswith(call.name) or any(each.startswith(call.name + name) for each in self._offered)

    def _name(self, call: _Call, name: str) -> None:
        if not name or name == call.name or (call.name and not self._is_rest(call, name)):
            return
        call.name = name if name.startswith(call.name) else call.name + name


def _word(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).strip()


def _number(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    return int(value) if isinstance(value, int) or (isinstance(value, float) and value.is_integer()) else None


def _written(value: Any) -> str:
    """Arguments as text; some servers send the object itself."""
    if value is None or isinstance(value, str):
        return value or ""
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "["  # not an object, and reported as such


def _same(arguments: str) -> str:
    try:
        return json.dumps(json.loads(arguments), sort_keys=True)
    except (ValueError, RecursionError):
        return arguments
