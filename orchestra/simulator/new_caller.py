"""Makes simulated callers of a system that runs, by any line whose callers need nothing but the system's secrets."""

from orchestra.errors import UsageError
from orchestra.settings import Settings
from orchestra.simulator.browser_caller import BrowserCaller
from orchestra.simulator.caller import Caller
from orchestra.simulator.plivo_caller import PlivoCaller
from orchestra.simulator.simulated_carriers import SimulatedCaller
from orchestra.simulator.sip_caller import SipCaller
from orchestra.simulator.transfer_target import TransferTarget
from orchestra.simulator.vonage_caller import VonageCaller

#: who is called, unless it is said
DEFAULT_LINE = "+15550100"


def new_caller(settings: Settings, line: str, address: str, *, number: str, to: str = DEFAULT_LINE) -> SimulatedCaller:
    """Somebody who calls once.

    Args:
        settings: with the carrier's secret.
        line: ``twilio``, ``plivo``, ``vonage``, ``sip`` or ``browser``.
        address: of the edge, ``http://127.0.0.1:8480``; of the gateway, ``127.0.0.1:5060``, if ``line`` is ``sip``.
        number: that they call from (E.164).
        to: what they dial: a number, or the name of a line.

    Raises:
        UsageError: the secret is missing, or the line's callers need more.

    """
    match line:
        case "twilio":
            token = _secret(settings.twilio_auth_token.get_secret_value(), "ORCHESTRA_TWILIO_AUTH_TOKEN", address)
            return Caller(address, token, from_number=number, to_number=to)
        case "plivo":
            token = _secret(settings.plivo_auth_token.get_secret_value(), "ORCHESTRA_PLIVO_AUTH_TOKEN", address)
            return PlivoCaller(address, token, from_number=number.lstrip("+"), to_number=to.lstrip("+"))
        case "vonage":
            secret = settings.vonage_signature_secret.get_secret_value()
            return VonageCaller(
                address,
                _secret(secret, "ORCHESTRA_VONAGE_SIGNATURE_SECRET", address),
                from_number=number.lstrip("+"),
                to_number=to.lstrip("+"),
                transfer_target=TransferTarget(),
            )
        case "sip":
            return SipCaller(f"sip:{to.removeprefix('sip:').partition('@')[0]}@{address}", from_user=number)
        case "browser":
            return BrowserCaller(address, line="" if to == DEFAULT_LINE else to)
        case _:
            msg = f"callers by {line} need its network, which is simulated only for a system that is started for them"
            raise UsageError(msg)


def _secret(secret: str, setting: str, address: str) -> str:
    if not secret:
        msg = f"calls to {address} must be signed: set {setting} to the edge's"
        raise UsageError(msg)
    return secret
