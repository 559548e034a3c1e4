"""The notes on the caller's earlier calls in a prompt."""

from orchestra.agents.caller_notes import is_notes
from orchestra_schemas import PromptRequested

#: beginning of the agents' notes on earlier calls
BACKGROUND_HEAD = "This caller has called before:"


def background_of(event: PromptRequested) -> str:
    """The notes on earlier calls in a prompt; empty if there are none.

    They are in the message with the notes; in journals of older versions, at the end of the system prompt.
    """
    for message in event.messages:
        if (message.role == "system" or is_notes(message)) and (start := message.content.find(BACKGROUND_HEAD)) >= 0:
            return message.content[start:].partition("\n\n")[0]
    return ""
