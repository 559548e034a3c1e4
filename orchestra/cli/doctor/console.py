"""`orchestra doctor` on the console: who may sign in, whether it runs, and whether others could listen in."""

from ipaddress import ip_address
from typing import TYPE_CHECKING

from orchestra.cli.doctor.finding import Finding
from orchestra.errors import UsageError

if TYPE_CHECKING:
    from orchestra.settings import Settings

_WHAT = "console"
_WITHIN_S = 5.0


async def console(settings: "Settings") -> Finding:
    """Check the tokens of the console, warn of tokens that would travel unencrypted, and ask it how it is."""
    if not settings.console:
        return Finding(_WHAT, None, "not started by `orchestra up` (ORCHESTRA_CONSOLE)")
    try:
        from orchestra.console.operators import Operators

        operators = Operators(settings)
    except ImportError as error:
        return Finding(_WHAT, False, f"cannot run: {error.name} is not installed")
    except UsageError as error:
        return Finding(_WHAT, False, str(error))
    if not _is_local(settings.console_host) and not (settings.console_url or "").startswith("https://"):
        cure = "put a proxy with TLS in front of it, and set ORCHESTRA_CONSOLE_URL to its https:// address"
        return Finding(_WHAT, False, f"tokens and calls travel unencrypted to {settings.console_host}: {cure}")
    ok, told = await _ask(settings)
    return Finding(_WHAT, ok, f"{told}; tokens that admit somebody: {operators.count}")


async def _ask(settings: "Settings") -> tuple[bool | None, str]:
    import httpx

    from orchestra.console.address import local_address

    address = local_address(settings)
    try:
        async with httpx.AsyncClient(timeout=_WITHIN_S, trust_env=False) as http:
            answer = await http.get(f"{address}/healthz")
    except httpx.HTTPError:
        return None, f"not running at {address}: `orchestra up` or `orchestra console` starts it"
    if not answer.is_success or '"redis"' not in answer.text:
        return False, f"another server is at {address}: set ORCHESTRA_CONSOLE_PORT"
    if '"redis":true' not in answer.text:
        return False, f"runs at {address}, and Redis does not answer it"
    return True, f"runs at {address}"


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
