"""What callers say in secret: kept for a while beside the streams, for the worker that needs it, and in none of them.

::

    edge         keep("words:3", "4242 …")   publish(UserTurnEnded 3 "[secret]")
    execution                                                    get("words:3")   put("value:ask_card", …)
"""

import hashlib
from collections.abc import Mapping

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from redis.exceptions import RedisError

from orchestra.bus import keys
from orchestra.bus.encryption import decrypt, encrypt
from orchestra.bus.ports import Connections
from orchestra.bus.redis.connection import Reply, pack

#: the fields of a call, each before what names it: the words of a turn, a key by its event, the keys that a tool has
#: collected, what a question has heard so far by the turn in which it was asked, and the value by the tool that asks
WORDS, KEY, KEYS, HEARD, VALUE = "words:", "key:", "keys:", "heard:", "value:"
#: how long secrets are kept after the last one of their call, in seconds
KEPT_S = 900
_LOG = structlog.get_logger("orchestra.bus")


class Vault:
    """The secrets of calls: for each call a hash in Redis, which expires by itself.

    They are encrypted (AES-256-GCM, bound to their call and field), because Redis' append-only file keeps for longer
    what has expired in its memory.

    Args:
        connections: the bus.
        key: the same for the edges that keep secrets and the workers that need them; see `vault_key`.

    """

    def __init__(self, connections: Connections, key: bytes) -> None:
        self._connections = connections
        self._cipher = AESGCM(hashlib.sha256(key).digest())

    @staticmethod
    def key(call: str) -> str:
        """The key of a call's secrets."""
        return keys.key(keys.partition_of(call), "vault", call)

    def keep(self, call: str, field: str, secret: str) -> None:
        """Keep a secret without waiting.

        It is there before any event that the process publishes in the same step of the event loop, or later. If Redis
        is away it is lost, and the caller is asked again: it is held in no buffer.
        """
        connection = self._connections.connection(keys.partition_of(call))

        def stored(reply: Reply) -> None:
            if isinstance(reply, RedisError):
                _LOG.warning("vault.not_kept", call=call, field=field)

        connection.send(pack(("HSET", self.key(call), field, self._sealed(call, field, secret))), stored)
        connection.send(pack(("EXPIRE", self.key(call), KEPT_S)), lambda _: None)

    async def put(self, call: str, secrets: Mapping[str, str]) -> None:
        """Keep secrets by their fields.

        Raises:
            redis.exceptions.RedisError: Redis cannot be reached, or refuses.

        """
        sealed = ((field, self._sealed(call, field, secret)) for field, secret in secrets.items())
        flat = [part for pair in sealed for part in pair]
        connection = self._connections.connection(keys.partition_of(call))
        await connection.calls([("HSET", self.key(call), *flat), ("EXPIRE", self.key(call), KEPT_S)])

    async def get(self, call: str, field: str) -> str:
        """A secret; empty if it is not there, or not any more.

        Raises:
            redis.exceptions.RedisError: Redis cannot be reached, or refuses.

        """
        connection = self._connections.connection(keys.partition_of(call))
        found: bytes | None = await connection.call("HGET", self.key(call), field)
        if not found:
            return ""
        try:
            return decrypt(self._cipher, found, f"{call} {field}").decode()
        except InvalidTag:
            _LOG.error(
                "vault.other_key",
                call=call,
                problem="what a caller has said in secret cannot be read: set the same ORCHESTRA_VAULT_KEY on every "
                "machine with an edge or an execution worker",
            )
            return ""

    def _sealed(self, call: str, field: str, secret: str) -> bytes:
        return encrypt(self._cipher, secret.encode(), f"{call} {field}")

    async def forget(self, call: str, after_s: int) -> None:
        """Keep the secrets of a call for no longer than this, in seconds.

        Raises:
            redis.exceptions.RedisError: Redis cannot be reached, or refuses.

        """
        await self._connections.connection(keys.partition_of(call)).call("EXPIRE", self.key(call), after_s)
