"""`orchestra doctor` on webhooks: whether each endpoint's secret is there, and whether it can be reached."""

from typing import TYPE_CHECKING

from orchestra.cli.doctor.finding import Finding, not_set
from orchestra.errors import OrchestraError

if TYPE_CHECKING:
    from orchestra.settings import Settings


async def webhooks(settings: "Settings") -> list[Finding]:
    """Check every endpoint; nothing is delivered."""
    from orchestra.webhooks.endpoints import load_endpoints

    if settings.webhooks is None:
        return [not_set("webhooks", "WEBHOOKS", needed=False)]
    try:
        names = [each.name for each in load_endpoints(settings, secrets=False)]
    except OrchestraError as error:
        return [Finding("webhooks", False, str(error))]
    return [await _endpoint(settings, name) for name in names]


async def _endpoint(settings: "Settings", name: str) -> Finding:
    from orchestra.webhooks.endpoints import load_endpoints
    from orchestra.webhooks.http_post import HttpPost

    what = f"webhook {name}"
    try:
        (endpoint,) = load_endpoints(settings, only=name)
        post = HttpPost(endpoint.url, private=settings.webhooks_private, timeout_s=10.0)
        try:
            answer = await post.reach()
        finally:
            await post.close()
    except OrchestraError as error:
        return Finding(what, False, str(error))
    if endpoint.unknown_events:
        return Finding(what, None, f"the platform has no event {', '.join(endpoint.unknown_events)}: yours?")
    return Finding(what, True, f"{endpoint.place} can be reached ({answer.status}), its secret is there")
