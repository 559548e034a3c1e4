"""The event contracts of Orchestra: every event type and the codec. Imports nothing of the platform."""

from schemas.afterwards import RecordingSaved, TranscriptCurated
from schemas.body import EncodeError, carried, clean_text
from schemas.caller import (
    ReplyInterrupted,
    TranscriptFinal,
    UserSpeechStarted,
    UserTurnEnded,
    UserTurnPredicted,
    UserTurnResumed,
)
from schemas.calls import (
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
from schemas.codec import DecodeError, decode, encode
from schemas.conversation import (
    AgentChanged,
    Message,
    PromptRequested,
    ToolCall,
    ToolRequested,
    ToolSchema,
    TurnCancelled,
    TurnCompleted,
)
from schemas.edge import ProviderFailed, ReplySpoken, SentenceSpoken, SpeechMetered, TurnMeasured
from schemas.event import Event, event_types, tag_of
from schemas.execution import PromptCompleted, ReplyChunk, ToolCompleted
from schemas.media import AudioChunk, TranscriptPartial

__all__ = [
    "AgentChanged",
    "AudioChunk",
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
