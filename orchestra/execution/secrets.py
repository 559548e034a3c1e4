"""What callers say in secret, where it is needed: to be understood, and in the run of a tool that needs it."""

import re
import traceback
from collections.abc import Mapping
from typing import Any

import msgspec

from orchestra.agents.capture import CaptureTool
from orchestra.agents.capture.secret_step import HeardSoFar, SecretAnswer, understood
from orchestra.agents.tool import Tool
from orchestra.bus.vault import HEARD, KEY, KEYS, VALUE, WORDS, Vault
from orchestra_schemas import SECRET, SECRET_KEY, DigitPressed, ToolRequested

#: what stands for a key that is not kept any more: no digit, so that nothing is made of those around it
LOST_KEY = "?"
#: parts of a value shorter than this are not looked for: they would be found everywhere
_SHORTEST = 3
#: those at least this long are found inside other words and numbers, too: nothing is as long by chance
_LONG = 8
_encode = msgspec.json.Encoder().encode


async def understand(tool: CaptureTool, event: ToolRequested, vault: Vault, state: dict[str, Any]) -> str:
    """Understand the answer to a secret question; returns the `SecretStep`, as JSON.

    What was heard is put in the vault under this turn, and read under that of the question: it does no harm to do it
    again. What is not there any more is as if the caller had said nothing, and they are asked again.
    """
    answer = msgspec.json.decode(event.arguments, type=SecretAnswer)
    before = await vault.get(event.call, f"{HEARD}{answer.pending.turn}")
    lost = not before and bool(answer.pending.value or answer.pending.part)
    words = [await _words(said.turn, said.text, event.call, vault) for said in answer.said]
    step, heard = understood(
        tool,
        answer,
        heard=msgspec.json.decode(before, type=HeardSoFar) if before else HeardSoFar(),
        words="" if lost else " ".join(words),
        keys=await _keys(answer.keyed or "", event.call, vault),
        language=event.language,
    )
    if step.outcome == "captured":
        await vault.put(event.call, {VALUE + tool.name: heard.value})
        state[tool.name] = step.value
    elif step.pending is not None:
        await vault.put(event.call, {f"{HEARD}{answer.turn}": _encode(heard).decode()})
    return _encode(step).decode()


def is_in_clear(event: ToolRequested) -> bool:
    """Whether all that is to be understood stands in the request: the caller is that of a written case."""
    said = msgspec.json.decode(event.arguments, type=SecretAnswer).said
    return bool(said) and all(each.text != SECRET for each in said)


async def _words(turn: int, text: str, call: str, vault: Vault) -> str:
    return await vault.get(call, f"{WORDS}{turn}") if text == SECRET else text


async def _keys(keyed: str, call: str, vault: Vault) -> str:
    if not keyed or keyed.isdigit():
        return keyed
    keys = await vault.get(call, KEYS + keyed)
    return keys if keys.isdigit() else ""


async def key_of(event: DigitPressed, vault: Vault) -> str:
    """The key that was pressed."""
    if event.digit != SECRET_KEY:
        return event.digit
    return await vault.get(event.call, KEY + event.id) or LOST_KEY


def frames_of(error: BaseException) -> str:
    """Where an error was raised, without its text, which may quote the caller."""
    return "".join([*traceback.format_tb(error.__traceback__), type(error).__name__])


class Revealed:
    """The secret values that one run of a tool gets in the call's state, because it needs them.

    Whatever it gives back has what stands for them.

    Args:
        values: by the name of the tool that has asked.
        stand_ins: what stands for each.

    """

    def __init__(self, values: Mapping[str, str], stand_ins: Mapping[str, str]) -> None:
        self._values = values
        self._stand_ins = stand_ins
        self._hidden = [
            (_written(piece), stand_ins[name])
            for name, value in values.items()
            for piece in sorted({value, *value.split()}, key=len, reverse=True)
            if len(piece) >= _SHORTEST or piece == value
        ]

    def __bool__(self) -> bool:
        return bool(self._values)

    def reveal(self, state: dict[str, Any]) -> None:
        """Put the values in the call's state."""
        state.update(self._values)

    def conceal(self, state: dict[str, Any]) -> None:
        """Put in the call's state what stands for them."""
        for name, value in self._values.items():
            if state.get(name) == value:
                state[name] = self._stand_ins[name]

    def hide(self, text: str) -> str:
        """The text without the values."""
        for pattern, stand_in in self._hidden:
            text = pattern.sub(lambda _, stand_in=stand_in: stand_in, text)  # type: ignore[misc]
        return text

    def hide_in(self, value: Any) -> Any:
        """A JSON value without them."""
        if isinstance(value, str):
            return self.hide(value)
        if isinstance(value, dict):
            return {self.hide(name): self.hide_in(each) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.hide_in(each) for each in value]
        if isinstance(value, int | float) and not isinstance(value, bool) and self.hide(str(value)) != str(value):
            return self.hide(str(value))
        return value

    def traceback_of(self, error: BaseException) -> str:
        """How an error came about, for the log."""
        return self.hide("".join(traceback.format_exception(error)))


def _written(piece: str) -> re.Pattern[str]:
    """Matches a part of a value however it is grouped ("4242 4242"); a short one not inside a longer word or number."""
    gap = r"[\W_]{0,3}" if piece.isalnum() else ""
    grouped = gap.join(map(re.escape, piece))
    beside = r"\d" if piece.isdigit() else r"[^\W_]"
    return re.compile(grouped if len(piece) >= _LONG else f"(?<!{beside}){grouped}(?!{beside})")


NOTHING_SECRET = Revealed({}, {})


async def revealed_to(tool: Tool, event: ToolRequested, vault: Vault) -> Revealed | str:
    """The secret values that a tool needs; or the name of one that is not kept any more."""
    values: dict[str, str] = {}
    for needed in tool.needs:
        if isinstance(needed, CaptureTool) and needed.secret:
            value = await vault.get(event.call, VALUE + needed.name)
            if not value:
                return needed.name
            values[needed.name] = value
    return Revealed(values, {name: str(event.call_state.get(name, SECRET)) for name in values})
