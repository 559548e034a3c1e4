"""An edge process with scripted engines, for tests that kill it: `python -m tests.faults.scripted_edge`.

Its settings come from the environment; ``HEARS`` has what callers say, one stretch of speech a line.
"""

import asyncio
import os
from typing import cast

import uvloop

from orchestra.bus import Bus
from orchestra.settings import load_settings
from orchestra.voice.edge.edge import open_edge
from orchestra.voice.edge.http import create_app
from orchestra.voice.engines.factory import Engines
from orchestra.web_server.server import listen, serving
from tests.voice.carriers.office import APP
from tests.voice.edges import ScriptedEngines


async def main() -> None:
    settings = load_settings()
    bus = await Bus.connect(settings)
    engines = cast("Engines", ScriptedEngines(os.environ["HEARS"].splitlines()))
    listener = listen("127.0.0.1", settings.port)
    async with serving(create_app(open_edge(settings, bus, engines, APP)), listener):
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
