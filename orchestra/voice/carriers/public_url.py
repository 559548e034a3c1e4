"""The addresses at which a carrier reaches the edges."""

from dataclasses import dataclass
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class PublicUrl:
    """Where a carrier reaches the edges: ``https://voice.example.com``, as seen in front of any proxy."""

    url: str

    def at(self, path: str, **query: str) -> str:
        """The address of a path."""
        tail = f"?{urlencode(query)}" if query else ""
        return f"{self.url.rstrip('/')}{path}{tail}"

    def after(self, path: str, call: str, stream: int) -> str:
        """Where the carrier asks what follows this stream of the call; ignored once a later stream has begun."""
        return self.at(path, call=call, **({"stream": str(stream)} if stream else {}))

    def socket_at(self, path: str, **query: str) -> str:
        """The address of a WebSocket."""
        return self.at(path, **query).replace("http", "ws", 1)
