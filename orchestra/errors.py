"""Every exception that Orchestra raises on purpose.

OrchestraError
├── UsageError                 something the operator or author must change; the CLI prints one line and exits with 2
│   ├── SettingError           a setting is unknown, missing or has a wrong value
│   ├── MissingExtraError      a part of the platform is not installed
│   ├── AppError               an app's agents, tools or knowledge do not fit together
│   ├── ConsumerError          the bus cannot run a consumer's handlers
│   ├── LeaseLostError         another process runs this campaign
│   └── ServerError            the Redis server cannot be reached, or cannot keep our calls
├── FencedError                this worker no longer owns the partition
├── RejectedError              input from outside breaks its protocol
│   ├── MalformedMessageError  a message of a known kind has invalid content
│   ├── PrivateAddressError    a webhook's host is in a private network
│   └── DialRefusedError       a call is not placed; the reason is in a word
├── ToolFailed                 a tool could not do its work; the agent gets the reason
├── EngineError                a speech engine or model failed to answer
│   └── ReportedError          the model's server reported a failure
├── ServiceError               a service refuses a request, or does not answer
│   ├── CarrierError           the carrier refuses an outbound call, or does not answer
│   │   └── CallUncertainError  the carrier does not say whether it places a call
│   ├── ProjectGoneError       the project in Label Studio was deleted
│   ├── NoAnswerError          a webhook's endpoint cannot be reached, or does not answer in time
│   ├── NoEdgeError            no edge answers the SIP gateway
│   └── UnreachableError       an MCP server cannot be reached
├── MonitorError               the figure of a monitor could not be found in time
├── StrayedError               a simulated caller does not play the role any more
├── DivergedError              a model answered differently from the sentences of an earlier attempt
├── ForeignCallError           a signed webhook names a call of another platform
├── ReplayDivergedError        a consumer's output differs from the recording in `orchestra.testing.replay`
├── JournalUnavailableError    the state of a call cannot be read at the moment
├── SealedError                what is sealed in the journal was sealed with another key
├── RedisAwayError             the console has not reached the Redis server yet
└── StreamLostError            a media stream broke; the carrier may bring the caller back

Outside the tree, because they must derive from other exceptions: `orchestra_schemas.DecodeError` and ``EncodeError`` (a
ValueError each: the event contracts import nothing of Orchestra), and ``TransientError`` of the Redis connection (a
ConnectionError of redis-py). Exceptions with a leading underscore never leave their module.
"""

from orchestra.hide_secrets import without_secrets


class OrchestraError(Exception):
    """Base of all exceptions that Orchestra raises on purpose. Secrets are removed from the message."""

    def __init__(self, *message: object) -> None:
        super().__init__(*(without_secrets(part) if isinstance(part, str) else part for part in message))


class UsageError(OrchestraError):
    """Something the operator or author must change; the message says how."""


class SettingError(UsageError):
    """A setting is unknown, missing or has a wrong value."""


class MissingExtraError(UsageError):
    """A part of the platform is not installed, or one of its files is damaged."""


class AppError(UsageError):
    """An app's agents, tools or knowledge do not fit together."""


class ConsumerError(UsageError):
    """The bus cannot run a consumer's handlers."""


class ServerError(UsageError):
    """The Redis server cannot be reached, belongs to another user, or has another number of partitions."""


class LeaseLostError(UsageError):
    """Another process runs this campaign."""


class FencedError(OrchestraError):
    """This worker no longer owns the partition; another worker continues."""


class RejectedError(OrchestraError):
    """Input from outside breaks its protocol."""


class MalformedMessageError(RejectedError):
    """A message of a known kind has content that the protocol does not allow."""


class PrivateAddressError(RejectedError):
    """Every address of a webhook's host is in a private network, where webhooks may not go."""


class DialRefusedError(RejectedError):
    """A call is not placed. ``reason`` is a word for programs, ``call`` the call that its key belongs to."""

    def __init__(self, reason: str, message: str, call: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.call = call


class ToolFailed(OrchestraError):  # noqa: N818 - an outcome that a tool's author names, like a result
    """A tool could not do its work. Raised by tools; the agent gets the text.

    For any other exception the agent gets only the type; the log has the rest.
    """


class EngineError(OrchestraError):
    """A speech engine or model failed to answer."""


class ReportedError(EngineError):
    """The model's server reported a failure in place of an answer."""


class ServiceError(OrchestraError):
    """A service (carrier, vendor, Label Studio, MCP server) refuses a request, or does not answer."""


class NoAnswerError(ServiceError):
    """A webhook's endpoint cannot be reached, or does not answer in time."""


class CarrierError(ServiceError):
    """The carrier refuses an outbound call or the credentials, or does not answer."""


class CallUncertainError(CarrierError):
    """The carrier was asked for a call and has not said whether it places it: it may ring."""


class ProjectGoneError(ServiceError):
    """The project in Label Studio was deleted."""


class NoEdgeError(ServiceError):
    """No edge answers the SIP gateway."""


class UnreachableError(ServiceError):
    """An MCP server cannot be reached, and nothing was sent."""


class StrayedError(OrchestraError):
    """A simulated caller does not play the role any more: the call proves nothing about the agents."""


class MonitorError(OrchestraError):
    """The figure of a monitor could not be found in time."""


class DivergedError(OrchestraError):
    """A model answered differently from the sentences that an earlier attempt has published."""


class ForeignCallError(OrchestraError):
    """A signed webhook names a call of another platform."""


class ReplayDivergedError(OrchestraError, AssertionError):
    """A consumer's output differs from the recording; the message lists the differences."""


class JournalUnavailableError(OrchestraError):
    """The state of a call cannot be read at the moment."""


class SealedError(OrchestraError):
    """What is sealed in the journal, or in the state of a call, was sealed with another key."""


class RedisAwayError(OrchestraError):
    """The console has not reached the Redis server yet; it goes on trying."""


class StreamLostError(OrchestraError):
    """A media stream broke without being stopped: the carrier may bring the caller back."""
