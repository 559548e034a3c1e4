"""Keys of the terminal while `orchestra talk` runs, each at once and without being shown."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def keys(pressed: Callable[[str], None]) -> Iterator[bool]:
    """Call ``pressed`` with each key while the block runs; the terminal is as before afterwards.

    Yields whether there are keys: not where standard input is no terminal.
    """
    try:
        import termios
        import tty
    except ModuleNotFoundError:  # Windows
        yield False
        return
    if not sys.stdin.isatty():
        yield False
        return
    terminal, loop = sys.stdin.fileno(), asyncio.get_running_loop()
    before = termios.tcgetattr(terminal)

    def read() -> None:
        typed = os.read(terminal, 64)
        if not typed:  # the terminal is gone
            loop.remove_reader(terminal)
        for key in typed.decode(errors="ignore"):
            pressed(key)

    tty.setcbreak(terminal)  # Ctrl-C still interrupts
    loop.add_reader(terminal, read)
    try:
        yield True
    finally:
        loop.remove_reader(terminal)
        with contextlib.suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)
