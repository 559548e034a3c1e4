"""Word times of scripts that have no spaces between words, from the times that ElevenLabs gives for each character.

Pipecat takes everything between two spaces for one word, so that a whole Japanese sentence would be one. Here each of
its pieces gets a space before it.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

from orchestra.language.spoken_pieces import JOINER, begins_piece


class PiecewiseMessages:
    """The messages of a socket, with the characters of each context divided into pieces (`split_pieces`).

    Args:
        socket: ElevenLabs' multi-context WebSocket.

    """

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._last: dict[str, str] = {}  # context → its last character

    async def send(self, message: str) -> None:
        """Send a message as it is."""
        await self._socket.send(message)

    async def __aiter__(self) -> AsyncIterator[str]:
        """Each message as it comes."""
        async for message in self._socket:
            yield message if message.isascii() and "\\u" not in message else self._divide(message)

    def _divide(self, message: str) -> str:
        content = json.loads(message)
        context = str(content.get("contextId"))
        alignment = content.get("alignment")
        if alignment:
            content["alignment"], self._last[context] = divided(alignment, self._last.get(context, " "))
        if content.get("isFinal"):
            self._last.pop(context, None)
        return json.dumps(content)


def divided(alignment: dict[str, list[Any]], last: str) -> tuple[dict[str, list[Any]], str]:
    """The alignment that follows the character ``last``, with a space before each piece; and its last character."""
    characters: list[str] = []
    starts: list[float] = []
    lengths: list[float] = []
    columns = alignment["chars"], alignment["charStartTimesMs"], alignment["charDurationsMs"]
    for character, start, length in zip(*columns, strict=False):
        if not character or character.isspace():
            last = " "
            characters.append(last)
        elif last != " " and begins_piece(last, character[0]):
            last = character[-1]
            characters += [" ", JOINER + character]
            starts.append(start)
            lengths.append(0)
        else:
            last = character[-1]
            characters.append(character)
        starts.append(start)
        lengths.append(length)
    return {"chars": characters, "charStartTimesMs": starts, "charDurationsMs": lengths}, last
