"""The person to whom a call is transferred, as the carrier reaches them."""

import io
import wave
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx
import numpy as np

from orchestra.errors import RejectedError
from orchestra.simulator.audio_files import to_telephone
from orchestra.simulator.edge_connection import WEBHOOK_WITHIN_S
from orchestra.simulator.phone_line import PhoneLine
from orchestra.simulator.twiml import Dial, DialQueue, Gather, Say, Verb
from orchestra.voice.audio import mulaw
from orchestra.voice.audio.mulaw import Samples

#: how much of it the caller hears: the person answers then
_MUSIC_S = 0.6

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
        extension: the keys that the carrier pressed once they had answered, as it was told them.
        hold_music: addresses of the music that the caller heard meanwhile; ``music_s`` is when they began to.
        connected_s: when both were connected, in seconds of the line's clock; None before.

    """

    answers: bool = True
    presses: str = "1"
    says: Samples = field(default_factory=lambda: np.zeros(0, dtype=np.int16), repr=False)
    briefed: list[str] = field(default_factory=list)
    extension: str = ""
    hold_music: list[str] = field(default_factory=list)
    music_s: float | None = None
    connected_s: float | None = None

    async def play_hold_music(self, url: str, line: PhoneLine) -> None:
        """Have the caller hear the beginning of this music, as the carrier does until the person has the call.

        Raises:
            RejectedError: there is none that a carrier could play.

        """
        async with httpx.AsyncClient(timeout=WEBHOOK_WITHIN_S, trust_env=False) as http:
            answer = await http.get(url)
        if answer.is_error or answer.headers["content-type"] != "audio/wav":
            msg = f"no hold music at {url}: {answer.status_code} {answer.headers.get('content-type')}"
            raise RejectedError(msg)
        with wave.open(io.BytesIO(answer.content), "rb") as file:
            music = to_telephone(file.readframes(round(_MUSIC_S * file.getframerate())), file.getframerate())
        self.hold_music.append(url)
        self.music_s = line.now_s
        line.playout.put(mulaw.encode(music))
        await line.until(lambda: not line.playout, 2 * _MUSIC_S + 1)


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
                case DialQueue():
                    return True
                case _:
                    return False
        if not url:
            return False
        verbs = await ask(url, Digits=person.presses)
    return True
