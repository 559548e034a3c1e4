"""The event contracts of Orchestra: every event type and the codec. Imports nothing of the platform."""

from orchestra_schemas.body import EncodeError, carried, clean_text
from orchestra_schemas.calls import (
    AppChanged,
    CallAnswered,
    CallEnded,
    CallEndRequested,
    CallResumed,
    CallStarted,
    CallTransferred,
    CallTransferRequested,
    DigitPressed,
    DigitsRequested,
    TransferAccepted,
    TransferFailed,
)
from orchestra_schemas.codec import DecodeError, decode, encode
from orchestra_schemas.conversation import (
    AgentChanged,
    Message,
    PromptRequested,
    ToolCall,
    ToolRequested,
    ToolSchema,
    TurnCancelled,
    TurnCompleted,
)
from orchestra_schemas.event import Event, event_types, tag_of
from orchestra_schemas.execution import PromptCompleted, ReplyChunk, ToolCompleted
from orchestra_schemas.media import AudioChunk, TranscriptPartial
from orchestra_schemas.post_call import RecordingSaved, TranscriptCurated
from orchestra_schemas.speech import ProviderFailed, ReplySpoken, SentenceSpoken, SpeechMetered, TurnMeasured
from orchestra_schemas.user import (
    BackchannelHeard,
    ReplyInterrupted,
    TranscriptFinal,
    UserSpeechStarted,
    UserTurnEnded,
    UserTurnPredicted,
    UserTurnResumed,
)

__all__ = [
    "AgentChanged",
    "AppChanged",
    "AudioChunk",
    "BackchannelHeard",
    "CallAnswered",
    "CallEndRequested",
    "CallEnded",
    "CallResumed",
    "CallStarted",
    "CallTransferRequested",
    "CallTransferred",
    "DecodeError",
    "DigitPressed",
    "DigitsRequested",
    "EncodeError",
    "Event",
    "Message",
    "PromptCompleted",
    "PromptRequested",
    "ProviderFailed",
    "RecordingSaved",
    "ReplyChunk",
    "ReplyInterrupted",
    "ReplySpoken",
    "SentenceSpoken",
    "SpeechMetered",
    "ToolCall",
    "ToolCompleted",
    "ToolRequested",
    "ToolSchema",
    "TranscriptCurated",
    "TranscriptFinal",
    "TranscriptPartial",
    "TransferAccepted",
    "TransferFailed",
    "TurnCancelled",
    "TurnCompleted",
    "TurnMeasured",
    "UserSpeechStarted",
    "UserTurnEnded",
    "UserTurnPredicted",
    "UserTurnResumed",
    "carried",
    "clean_text",
    "decode",
    "encode",
    "event_types",
    "tag_of",
]
