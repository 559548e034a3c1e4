"""What is known of each endpoint: what waits for it, how it answers; and a message that tests it."""

import secrets
from datetime import UTC, datetime

import msgspec

from orchestra.bus import Bus
from orchestra.clock import SYSTEM_CLOCK
from orchestra.webhooks.endpoint_status import StoredStatus, read_status
from orchestra.webhooks.endpoints import Endpoint
from orchestra.webhooks.http_post import Answer, HttpPost
from orchestra.webhooks.message import payload
from orchestra.webhooks.queue import EndpointQueue
from orchestra.webhooks.signing import signed_headers


class EndpointOverview(msgspec.Struct, frozen=True):
    """An endpoint, its status, and what waits for it: messages, of how many calls, of which so many fail.

    ``oldest_at`` (epoch seconds) is when the message that waits longest began to wait, 0 if none does.
    """

    name: str
    url: str
    events: list[str]
    apps: list[str]
    status: StoredStatus
    messages: int
    calls: int
    failing: int
    oldest_at: float


async def overview(bus: Bus, endpoint: Endpoint) -> EndpointOverview:
    """Look at every lane of an endpoint.

    Raises:
        redis.exceptions.RedisError: the server cannot be reached.

    """
    lanes: dict[str, tuple[int, bool, float]] = {}
    for partition in range(bus.partitions):
        async for page in EndpointQueue(bus, partition, endpoint.name).lanes():
            lanes |= {
                call: (count, failing.attempts > 0, head.message.queued_at) for call, count, head, failing in page
            }
    return EndpointOverview(
        name=endpoint.name,
        url=endpoint.place,
        events=sorted(endpoint.events),
        apps=sorted(endpoint.apps),
        status=await read_status(bus, endpoint.name),
        messages=sum(count for count, _, _ in lanes.values()),
        calls=len(lanes),
        failing=sum(failing for _, failing, _ in lanes.values()),
        oldest_at=min((at for _, _, at in lanes.values()), default=0.0),
    )


async def send_test(endpoint: Endpoint, *, private: bool) -> Answer:
    """Post a signed message of the type ``webhook.test``, once.

    Raises:
        NoAnswerError: the endpoint cannot be reached, or does not answer in time.
        PrivateAddressError: its host is in a private network, which is not allowed.

    """
    at, message_id = SYSTEM_CLOCK.time(), f"test-{secrets.token_hex(8)}"
    data = msgspec.json.encode({"type": "webhook.test", "id": message_id, "endpoint": endpoint.name, "at": at})
    body = payload("webhook.test", datetime.fromtimestamp(at, UTC), data)
    post = HttpPost(endpoint.url, private=private)
    try:
        return await post.post(body, {**endpoint.headers, **signed_headers(endpoint.secrets, message_id, body, at)})
    finally:
        await post.close()
