"""The person to whom a call is transferred, as the carrier reaches them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import numpy as np

from orchestra.simulator.twiml import Dial, Gather, Say, Verb
from orchestra.voice.audio.mulaw import Samples

#: asks the edge for a document of this leg of the call
Ask = Callable[..., Awaitable[list[Verb]]]


@dataclass(slots=True)
class TransferTarget:
    """The person, or machine, that answers a transferred call.

    Attributes:
        answers: whether they answer at all.
        presses: the key that they press after the briefing; empty: none, like an answering machine.
        says: what they say to the caller (8 kHz) once both are connected.
        briefed: what they heard before that; filled in during the call.
        connected_s: when both were connected, in seconds of the line's clock; None before.

    """

    answers: bool = True
    presses: str = "1"
    says: Samples = field(default_factory=lambda: np.zeros(0, dtype=np.int16), repr=False)
    briefed: list[str] = field(default_factory=list)
    connected_s: float | None = None


async def accepts_call(person: TransferTarget, dial: Dial, ask: Ask) -> bool:
    """Whether the person takes the call. An empty document at the end connects the two, a `Hangup` does not."""
    if not person.answers:
        return False
    verbs = await ask(dial.url) if dial.url else []
    while verbs:
        url = ""
        for verb in verbs:
            match verb:
                case Say(text):
                    person.briefed.append(text)
                case Gather(says, action):
                    person.briefed.extend(says)
                    if person.presses:
                        url = action
                        break
                case _:
                    return False
        if not url:
            return False
        verbs = await ask(url, Digits=person.presses)
    return True
