"""The door of models' endpoints: mutated streams, read as they are in a call; and whole turns beside."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.servers.mutations import Mutated, check, mutated
from tests.servers.shapes import ANSWER, bytes_of, in_pieces, says

_GOOD = next(raw for _, raw in says())


class Models:
    """Streams of models' endpoints."""

    batch = 50

    async def take(self, _: int, chance: random.Random) -> None:
        stream = mutated(chance)
        try:
            check(stream)
        except Exception as error:
            msg = f"{type(error).__name__} {error} for {b''.join(stream.pieces)[:2000]!r}"
            raise AssertionError(msg) from error
        await asyncio.sleep(0)

    async def beside(self) -> None:
        answer = check(Mutated(in_pieces(bytes_of(list(_GOOD.pieces)), 7), in_form=True))
        assert answer is not None
        assert answer.text == ANSWER, answer.text

    async def idle(self) -> None:
        pass


@asynccontextmanager
async def models(folder: Path) -> AsyncIterator[Models]:
    """What models' endpoints send."""
    yield Models()
