"""Search by meaning: embeddings from any OpenAI-compatible endpoint, and how to fuse rankings.

https://platform.openai.com/docs/api-reference/embeddings
"""

import math
import time
from array import array
from collections.abc import Iterable, Sequence
from operator import mul

import httpx
import msgspec
import structlog

from orchestra.errors import EngineError

_LOG = structlog.get_logger("orchestra.agents")

_BATCH = 64
_PASSAGES_WITHIN_S = 30.0
#: a caller waits for the answer: after this many seconds, search by words alone
_QUERY_WITHIN_S = 1.5
#: seconds without requests to an endpoint that has failed
_PAUSE_S = 15.0
#: reciprocal rank fusion: Cormack, Clarke, Büttcher, SIGIR 2009
_RANK_OFFSET = 60


class _Embedding(msgspec.Struct):
    index: int
    embedding: list[float]


class _Answer(msgspec.Struct):
    data: list[_Embedding]


class Endpoint:
    """An embedding model on a server. Its methods block; safe to use from several threads.

    Args:
        model: its name on the server.
        url: the endpoint up to ``/v1``.
        api_key: empty if the server needs none.

    """

    def __init__(self, model: str, url: str, api_key: str = "") -> None:
        self.model = model
        self._http = httpx.Client(headers={"Authorization": f"Bearer {api_key}"} if api_key else {})
        self._url = f"{url.rstrip('/')}/embeddings"
        self._paused_until = float("-inf")

    def close(self) -> None:
        """Close the connections; no request is possible afterwards."""
        self._http.close()

    @property
    def paused(self) -> bool:
        """Whether it has failed too recently to be asked again."""
        return time.monotonic() < self._paused_until

    def passages(self, texts: Sequence[str]) -> Iterable[list[bytes]]:
        """The vectors of many texts, in batches.

        Raises:
            EngineError: the endpoint failed; it is not asked again for a while.

        """
        for first in range(0, len(texts), _BATCH):
            yield self._ask(texts[first : first + _BATCH], _PASSAGES_WITHIN_S)

    def query(self, text: str) -> bytes | None:
        """The vector of a query; None, and a line in the log, if the endpoint fails, is late or is paused."""
        if self.paused:
            return None
        try:
            return self._ask([text], _QUERY_WITHIN_S)[0]
        except EngineError as error:
            _LOG.warning("knowledge.words_only", model=self.model, error=str(error), for_s=_PAUSE_S)
            return None

    def _ask(self, texts: Sequence[str], within_s: float) -> list[bytes]:
        body = {"model": self.model, "input": list(texts), "encoding_format": "float"}
        try:
            answer = self._http.post(self._url, json=body, timeout=within_s)
            answer.raise_for_status()
            found = msgspec.json.decode(answer.content, type=_Answer).data
        except (httpx.HTTPError, msgspec.DecodeError, UnicodeDecodeError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and not self._http.is_closed:
                raise
            self._paused_until = time.monotonic() + _PAUSE_S
            msg = f"embeddings at {self._url}: {error!r}"
            raise EngineError(msg) from error
        vectors = {each.index: unit_vector(each.embedding) for each in found}
        if sorted(vectors) != list(range(len(texts))):
            self._paused_until = time.monotonic() + _PAUSE_S
            msg = f"embeddings at {self._url}: {len(found)} vectors for {len(texts)} texts"
            raise EngineError(msg)
        return [vectors[index] for index in range(len(texts))]


def unit_vector(vector: Sequence[float]) -> bytes:
    """The vector scaled to length 1, as 32-bit floats."""
    length = math.sqrt(sum(map(mul, vector, vector))) or 1.0
    return array("f", [value / length for value in vector]).tobytes()


def similarity(one: bytes, other: bytes) -> float:
    """The cosine of two unit vectors; 0 if they come from different models."""
    if len(one) != len(other):
        return 0.0
    return float(sum(map(mul, array("f", one), array("f", other))))


def fuse_rankings(*rankings: Sequence[int]) -> list[tuple[int, float]]:
    """Fuse several rankings, each best first: every number once with its score, best first.

    >>> [number for number, _ in fused([1, 2, 3], [3, 1])]
    [1, 3, 2]
    """
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, number in enumerate(ranking, 1):
            scores[number] = scores.get(number, 0.0) + 1 / (_RANK_OFFSET + rank)
    return sorted(scores.items(), key=lambda scored: -scored[1])
