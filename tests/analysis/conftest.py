"""Commands that run inside the test process leave its logging alone."""

import pytest

from orchestra.settings import Settings
from tests.analysis.archives import archived, entries
from tests.command_line import _logging_of_the_tests  # noqa: F401 - a fixture


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings whose archive has six calls, in one file for each partition."""
    return archived(tmp_path_factory.mktemp("kept"), entries())
