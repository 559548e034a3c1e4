"""Who is signed in: sessions that end, and that outlive a restart of the console."""

import asyncio
import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path

import msgspec
import structlog

from orchestra.atomic_file import write_atomically
from orchestra.clock import Clock

_LOG = structlog.get_logger("orchestra.console")

_FILE = "console-sessions.json"
_MOST = 1000


class Session(msgspec.Struct, frozen=True):
    """A browser that has signed in with the token of this digest, until ``expires`` (epoch seconds)."""

    token: str
    expires: float


@dataclass(frozen=True, slots=True)
class NewSession:
    """What only the browser keeps: the secret of its session."""

    secret: str
    lifetime_s: float


class Sessions:
    """The sessions by the digest of their secret, in a file that only its owner can read.

    The file has no secret and no token, so whoever reads a copy of it cannot sign in.
    """

    def __init__(self, data_dir: Path, lifetime_s: float, clock: Clock) -> None:
        self._path = data_dir / _FILE
        self._lifetime_s = lifetime_s
        self._clock = clock
        self._writing = asyncio.Lock()
        try:
            self._sessions = msgspec.json.decode(self._path.read_bytes(), type=dict[str, Session])
        except FileNotFoundError:
            self._sessions = {}
        except (OSError, msgspec.DecodeError) as error:
            _LOG.warning("console.sessions_lost", error=repr(error), effect="everybody signs in again")
            self._sessions = {}

    async def begin(self, token: str) -> NewSession:
        """Begin a session for whoever has the token of this digest; the oldest one ends if there are too many."""
        new = NewSession(secrets.token_urlsafe(32), self._lifetime_s)
        self._sessions[_digest(new.secret)] = Session(token, self._clock.time() + self._lifetime_s)
        await self._save()
        return new

    def find(self, secret: str) -> Session | None:
        """The session with this secret, unless it has ended."""
        session = self._sessions.get(_digest(secret))
        return session if session is not None and session.expires > self._clock.time() else None

    async def end(self, secret: str) -> None:
        """End the session: its cookie is worth nothing any more."""
        if self._sessions.pop(_digest(secret), None) is not None:
            await self._save()

    async def _save(self) -> None:
        now = self._clock.time()
        running = [each for each in self._sessions.items() if each[1].expires > now]
        self._sessions = dict(running[-_MOST:])
        async with self._writing:
            content = msgspec.json.encode(self._sessions)
            try:
                await asyncio.to_thread(write_atomically, self._path, content, mode=0o600)
            except OSError as error:
                _LOG.warning("console.sessions_not_kept", error=repr(error), effect="a restart signs everybody out")


def _digest(secret: str) -> str:
    # 32 random bytes cannot be guessed from their hash
    return hashlib.sha256(secret.encode()).hexdigest()
