"""Tells what a dead process has left half written from what a living one is writing."""

import time
from typing import Final

from orchestra.filesystem import FileRoot

#: nobody takes so long for one file, or for the tables of one range, in seconds
_ABANDONED_S: Final = 600.0


def is_abandoned(root: FileRoot, path: str) -> bool:
    """Whether nobody has written to a file for ten minutes; at a URL that is not known, and it is none."""
    if root.folder is None:
        return False
    try:
        return time.time() - (root.folder / path).stat().st_mtime > _ABANDONED_S  # both by this machine's clock
    except FileNotFoundError:
        return False
