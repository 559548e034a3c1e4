"""Commands that run inside the test process leave its logging alone."""

from tests.command_line import _logging_of_the_tests  # noqa: F401 - a fixture
