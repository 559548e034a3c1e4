"""Sources whose reading blocks, read beside the event loop."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import islice

from orchestra.bus import Entry

_PAGE = 2000


async def in_thread(found: Iterator[Entry]) -> AsyncIterator[Entry]:
    """The same entries, read page by page in a thread."""
    while page := await asyncio.to_thread(lambda: list(islice(found, _PAGE))):
        for entry in page:
            yield entry
