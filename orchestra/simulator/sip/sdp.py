"""Session descriptions of a telephone: one stream of audio (RFC 4566, offer and answer as in RFC 3264)."""

import re
from dataclasses import dataclass

from orchestra.errors import RejectedError

#: static payload types of RFC 3551, and the key presses that this telephone offers (RFC 4733)
PCMU, PCMA, KEYS = 0, 8, 101
_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
_MIRRORED = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}


@dataclass(frozen=True, slots=True)
class Media:
    """Where the other end wants its audio, and how.

    Attributes:
        host: address of its RTP.
        port: port of its RTP; 0: it refuses the stream.
        payload_types: in its order of preference.
        keys: the payload type of its key presses; None: it takes none.
        direction: from its own point of view.
        version: of the description, which rises with each change.

    """

    host: str
    port: int
    payload_types: tuple[int, ...]
    keys: int | None
    direction: str
    version: int

    @property
    def answer_direction(self) -> str:
        """The direction of this stream from our point of view."""
        return _MIRRORED[self.direction]


def parse_sdp(body: str) -> Media:
    """The audio stream of a description.

    Raises:
        RejectedError: it has none, or breaks the grammar.

    """
    lines = body.split("\r\n")
    origin = re.search(r"^o=\S+ \d+ (\d+) IN IP[46] \S+$", body.replace("\r\n", "\n"), re.MULTILINE)
    media = next((at for at, line in enumerate(lines) if line.startswith("m=audio ")), None)
    found = re.fullmatch(r"m=audio (\d+) (RTP/S?AVPF?) ([\d ]+)", lines[media]) if media is not None else None
    if lines[0] != "v=0" or origin is None or found is None or media is None:
        msg = f"not a session description with audio: {body[:80]!r}"
        raise RejectedError(msg)
    ends = next((at for at in range(media + 1, len(lines)) if lines[at].startswith("m=")), len(lines))
    within, session = lines[media:ends], [line for line in lines[:media] if not line.startswith("m=")]
    hosts = [line.split()[-1] for line in (*within, *session) if line.startswith("c=IN IP")]
    directions = [line[2:] for line in (*within, *session) if line[2:] in _DIRECTIONS and line.startswith("a=")]
    keys = next((line for line in within if re.match(r"a=rtpmap:\d+ telephone-event/8000", line)), "")
    return Media(
        host=hosts[0] if hosts else "",
        port=int(found[1]),
        payload_types=tuple(int(each) for each in found[3].split()),
        keys=int(keys[len("a=rtpmap:") :].split()[0]) if keys else None,
        direction="inactive" if hosts[:1] == ["0.0.0.0"] else (directions or ["sendrecv"])[0],  # noqa: S104 - RFC 2543's hold
        version=int(origin[1]),
    )


def write_sdp(host: str, port: int, *, version: int, direction: str = "sendrecv", keys: int | None = KEYS) -> str:
    """The description of this telephone's audio: µ-law, and key presses unless ``keys`` is None."""
    formats, maps = str(PCMU), [f"a=rtpmap:{PCMU} PCMU/8000"]
    if keys is not None:
        formats += f" {keys}"
        maps += [f"a=rtpmap:{keys} telephone-event/8000", f"a=fmtp:{keys} 0-15"]
    family = "IP6" if ":" in host else "IP4"
    head = ["v=0", f"o=- 1 {version} IN {family} {host}", "s=-", f"c=IN {family} {host}", "t=0 0"]
    return "\r\n".join([*head, f"m=audio {port} RTP/AVP {formats}", *maps, "a=ptime:20", f"a={direction}", ""])
