"""Everything that Orchestra raises on purpose.

OrchestraError
├── UsageError               what the operator or the author must change; the CLI prints it in one line and exits with 2
│   ├── SettingError         a setting is unknown, missing or has a wrong value
│   ├── MissingExtraError    a part of the platform is not installed
│   ├── AppError             an app's agents, tools or knowledge do not fit together
│   ├── ConsumerError        a consumer's handlers are not what the bus can run
│   └── ServerError          the Redis server is not there, is another's, or has other partitions than ours
├── FencedError              this worker no longer owns the partition; its work is another's now
├── RejectedError            input from outside that is not what the protocol says
├── ToolFailed               a tool could not do what it was asked to; the agent is told why
└── EngineError              a speech engine or model failed to answer
"""

from orchestra.mask import without_secrets


class OrchestraError(Exception):
    """Base of all errors that Orchestra raises on purpose. No message tells a secret, whatever it was made of."""

    def __init__(self, *said: object) -> None:
        super().__init__(*(without_secrets(each) if isinstance(each, str) else each for each in said))


class UsageError(OrchestraError):
    """What the operator or author must change; the message says what to do."""


class SettingError(UsageError):
    """A setting is unknown, missing or has a wrong value."""


class MissingExtraError(UsageError):
    """A part of the platform is not installed, or one of its files is damaged."""


class AppError(UsageError):
    """An app's agents, tools or knowledge do not fit together."""


class ConsumerError(UsageError):
    """A consumer's handlers are not what the bus can run."""


class ServerError(UsageError):
    """The Redis server is not there, is another's, or has other partitions than ours."""


class FencedError(OrchestraError):
    """This worker no longer owns the partition; its work is another's now."""


class RejectedError(OrchestraError):
    """Input from outside that is not what the protocol says."""


class ToolFailed(OrchestraError):  # noqa: N818 - an outcome that a tool's author names, like a result
    """A tool could not do what it was asked to; raised by tools, and its text is told to the agent.

    Of any other exception the agent learns the type alone, and the log the rest.
    """


class EngineError(OrchestraError):
    """A speech engine or model failed to answer."""
