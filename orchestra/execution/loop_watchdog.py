"""Notices coroutines that block the event loop: all calls of a worker wait for them."""

import time
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class WatchedCoroutine(Generic[T]):
    """Awaits a coroutine and measures each of its steps, from one wait to the next.

    Args:
        work: the coroutine.
        blocked: called with the seconds of a step that was too long.
        longest_s: longest time that a step may take, in seconds.

    """

    def __init__(self, work: Coroutine[Any, Any, T], blocked: Callable[[float], None], *, longest_s: float) -> None:
        self._work = work
        self._blocked = blocked
        self._longest_s = longest_s

    def __await__(self) -> Generator[Any, Any, T]:
        step: Callable[[], Any] = partial(self._work.send, None)
        while True:
            began = time.monotonic()
            try:
                awaited = step()
            except StopIteration as ended:
                result: T = ended.value
                return result
            finally:
                took = time.monotonic() - began
                if took > self._longest_s:
                    self._blocked(took)
            try:
                yield awaited
            except GeneratorExit:
                self._work.close()
                raise
            except BaseException as error:  # noqa: BLE001 - a cancellation, too, is the coroutine's to see
                step = partial(self._work.throw, error)
            else:
                step = partial(self._work.send, None)
