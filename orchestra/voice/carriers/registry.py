"""Which carriers there are: each folder of this package is one, and its name is the one that settings use.

A carrier's folder has a module ``carrier`` with ``open_carrier(settings, public_url) -> Carrier``. The
folder itself may have a ``WEBHOOK_PATH``, the address of the edges that the carrier has to be told.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import cast

from orchestra.errors import SettingError
from orchestra.settings import Settings
from orchestra.voice import carriers
from orchestra.voice.carriers.port import Carrier

_BROWSER, _SIP = "browser", "sip"


def carrier_names() -> list[str]:
    """The carriers that an edge can take calls of."""
    return sorted(module.name for module in iter_modules(carriers.__path__) if module.ispkg)


def open_carriers(settings: Settings, public_url: str = "") -> list[Carrier]:
    """All lines of an edge: first the telephone company that the settings name, then browsers and SIP if wanted.

    Raises:
        SettingError: there is no such carrier.

    """
    others = ((_BROWSER, settings.browser), (_SIP, settings.sip))
    names = dict.fromkeys([settings.carrier, *(name for name, wanted in others if wanted)])
    chosen = (settings.model_copy(update={"carrier": name}) for name in names)
    return [open_carrier(each, public_url) for each in chosen]


def open_dial_carriers(settings: Settings, public_url: str = "") -> dict[str, Carrier]:
    """The carriers that place calls: the telephone company that the settings name, and the SIP gateway if wanted.

    Raises:
        SettingError: there is no such carrier.

    """
    names = dict.fromkeys([settings.carrier, *([_SIP] if settings.sip else [])])
    return {name: open_carrier(settings.model_copy(update={"carrier": name}), public_url) for name in names}


def open_carrier(settings: Settings, public_url: str = "") -> Carrier:
    """The carrier that the settings name; it reaches the edges at ``public_url``.

    Raises:
        SettingError: there is no such carrier.

    """
    if settings.carrier not in carrier_names():
        msg = f"ORCHESTRA_CARRIER is {settings.carrier!r}: set one of {', '.join(carrier_names())}"
        raise SettingError(msg)
    carrier = import_module(f"{carriers.__name__}.{settings.carrier}.carrier")
    return cast("Carrier", carrier.open_carrier(settings, public_url or local_url(settings)))


def webhook_url(settings: Settings, url: str) -> str:
    """What to enter at the carrier that the settings name; empty where it has no webhooks. ``url``: of the edges."""
    if settings.carrier not in carrier_names():
        return ""
    path = getattr(import_module(f"{carriers.__name__}.{settings.carrier}"), "WEBHOOK_PATH", "")
    return f"{url.rstrip('/')}{path}" if path else ""


def local_url(settings: Settings) -> str:
    """Where the edges are reached, as far as the settings say."""
    return settings.public_url or f"http://{settings.host}:{settings.port}"
