"""``python -m tests.faults.spoken``: `orchestra`, with engines that speak and recognize tones."""

import sys

from orchestra.cli import main
from orchestra.stack import child

if __name__ == "__main__":
    if sys.argv[1:2] == ["edge"]:  # only there, so that the other processes start as fast as they do in earnest
        from orchestra.voice.pipeline.pipecat_logging import redirect_pipecat_log

        redirect_pipecat_log()
        from orchestra.voice.edge import server
        from tests.faults.spoken.engines import load_engines

        server.load_engines = load_engines
    if sys.argv[1:2] == ["up"]:
        child._COMMAND = (sys.executable, "-m", "tests.faults.spoken")
    main()
