"""What an operator may do, and the dependency by which a route says so."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol, cast

from fastapi import Depends
from starlette.requests import HTTPConnection


class Role(IntEnum):
    """What somebody may do; each role includes those before it."""

    #: look at calls, figures and streams, play recordings
    READ = 1
    #: listen to running calls and step into them
    OPERATE = 2
    #: decide about dead letters, place calls, change versions
    ADMIN = 3

    @property
    def word(self) -> str:
        """As files of tokens and the API write it: ``read``, ``operate``, ``admin``."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody, or a program, that uses the console; ``name`` is the name of their token, never the token."""

    name: str
    role: Role


class Admission(Protocol):
    """Knows who is behind a request."""

    async def admit(self, connection: HTTPConnection, role: Role) -> Operator:
        """The operator who asks.

        Raises:
            HTTPException: 401, nobody is signed in; 403, their role is too low; 429, too many wrong tokens.

        """


@dataclass(frozen=True, slots=True)
class Required:
    """A dependency that admits operators with at least this role."""

    role: Role

    async def __call__(self, connection: HTTPConnection) -> Operator:
        """The operator who asks; see `Admission.admit`."""
        return await cast("Admission", connection.app.state.admission).admit(connection, self.role)


def requires(role: Role) -> Any:
    """The dependency of a route, HTTP or WebSocket, that only operators with this role may use.

    As a parameter's (``operator: Annotated[Operator, requires(Role.READ)]``) it is the operator. A WebSocket of anybody
    else is refused in its handshake.
    """
    return Depends(Required(role))
