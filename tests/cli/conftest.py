"""Commands that run inside the test process must not bind its loggers to a standard error that ends with the test."""

import pytest

from orchestra import log


@pytest.fixture(autouse=True)
def _logging_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "quiet_logging", lambda settings, process: None)  # noqa: ARG005
