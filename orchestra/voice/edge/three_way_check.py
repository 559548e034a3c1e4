"""Whether an edge can have a person join a caller and the agents: refused at the start, and not in a call."""

from collections.abc import Sequence

from orchestra.errors import SettingError
from orchestra.settings import Settings
from orchestra.voice.edge.answering import EdgeApp

_SIP, _BROWSER, _RELAY = "sip", "browser", "relay"


def check_three_way(settings: Settings, apps: Sequence[EdgeApp]) -> None:
    """See that the persons whom these apps have join their callers can be rung, and come to an edge as audio.

    Raises:
        SettingError: they cannot.

    """
    for app in apps:
        if app.three_way:
            _check(settings, app)


def _check(settings: Settings, app: EdgeApp) -> None:
    what = f"app {app.name!r} has three_way=True, and {app.transfer_target} is to join its callers"
    carrier = carrier_for_person(settings, app.transfer_target)
    if carrier == _SIP:
        if not (settings.sip or settings.carrier == _SIP):
            msg = f"{what}: that needs the SIP gateway, so set ORCHESTRA_SIP"
            raise SettingError(msg)
    elif carrier == _BROWSER:
        msg = f"{what}: a browser cannot ring anybody, so set ORCHESTRA_CARRIER to a telephone company, or use SIP"
        raise SettingError(msg)
    elif getattr(settings, f"{carrier}_media", "") == _RELAY:
        name = f"ORCHESTRA_{carrier.upper()}_MEDIA"
        msg = f"{what}: as text nobody can be heard on the line, so set {name}=stream"
        raise SettingError(msg)
    elif not getattr(settings, f"{carrier}_number", "number"):
        msg = f"{what}: nobody can be rung without a number of ours, so set ORCHESTRA_{carrier.upper()}_NUMBER"
        raise SettingError(msg)


def carrier_for_person(settings: Settings, person: str) -> str:
    """The carrier that rings this person: a SIP address is the gateway's, a number that of who places calls."""
    return _SIP if person.startswith(("sip:", "sips:")) or settings.dial_carrier == _SIP else settings.carrier
