"""A fixture for commands that run inside the test process: their loggers must not keep a stderr that ends with it."""

from collections.abc import Iterator

import pytest
import structlog

from orchestra import log


@pytest.fixture(autouse=True)
def _logging_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def nowhere(*_: object) -> None:
        structlog.configure(logger_factory=structlog.ReturnLoggerFactory(), cache_logger_on_first_use=False)

    for configure in ("configure_logging", "quiet_logging"):
        monkeypatch.setattr(log, configure, nowhere)
    yield
    structlog.reset_defaults()
