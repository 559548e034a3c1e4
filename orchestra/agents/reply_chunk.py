"""Makes the chunks of a reply: every word that a caller hears from agents passes here."""

from orchestra.agents.app import App
from orchestra_schemas import PromptRequested, ReplyChunk, ToolRequested, UserTurnEnded, UserTurnPredicted


def reply_chunk(
    app: App,
    event: PromptRequested | ToolRequested | UserTurnEnded | UserTurnPredicted,
    agent: str,
    text: str,
    language: str,
    *,
    index: int = 0,
    first_token_ms: float = 0.0,
    filler: bool = False,
    speed: float | None = None,
    secret: bool = False,
    takes_keys: bool = False,
) -> ReplyChunk:
    """A part of an agent's reply, in the agent's voice.

    Args:
        app: whose agent speaks.
        event: the caller's turn, prompt or tool call that it answers.
        agent: the agent's name; one that the app does not have any more gets the edge's voice.
        text: as the speech engine gets it, see `Language.to_speech`.
        language: in which it is said (BCP 47).
        index: its place among the chunks of one prompt, from 0.
        first_token_ms: how long the model took to begin; of the first chunk only.
        filler: it bridges a wait.
        speed: how fast it is said; None: as the agent speaks.
        secret: it asks for something secret.
        takes_keys: it asks for something that may be keyed in.

    """
    speaker = app.team.get(agent)
    speed = app.speed_of(agent) if speed is None else speed
    return ReplyChunk(
        call=event.call,
        turn=event.turn,
        text=text,
        agent=agent,
        index=index,
        voice=speaker.voice_in(language) if speaker else "",
        speed=None if speed == 1.0 else speed,
        language=language,
        first_token_ms=first_token_ms,
        filler=filler,
        secret=secret,
        takes_keys=takes_keys,
    )
