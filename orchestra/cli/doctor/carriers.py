"""`orchestra doctor` on carriers: whether each accepts our credentials, and knows our number or address."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from orchestra.cli.doctor.finding import Finding, not_set
from orchestra.errors import CarrierError, ServiceError

if TYPE_CHECKING:
    from orchestra.settings import Settings

Check = Callable[["Settings"], Awaitable[Finding]]


def carriers(settings: "Settings") -> dict[str, Check]:
    """The checks of Twilio, and of every other carrier that is chosen or has a secret set."""
    others = {
        "telnyx": (settings.telnyx_api_key, "Telnyx", _telnyx),
        "plivo": (settings.plivo_auth_token, "Plivo", _plivo),
        "vonage": (settings.vonage_signature_secret, "Vonage", _vonage),
    }
    chosen = {
        what: check
        for name, (secret, what, check) in others.items()
        if settings.carrier == name or secret.get_secret_value()
    }
    return {"Twilio": _twilio, **chosen}


async def _twilio(settings: "Settings") -> Finding:
    if not settings.twilio_auth_token.get_secret_value():
        return not_set("Twilio", "TWILIO_AUTH_TOKEN", needed=False)
    if not settings.twilio_account_sid:
        return _unchecked("Twilio", "token set", "TWILIO_ACCOUNT_SID")
    from orchestra.voice.carriers.twilio.rest import account_of

    try:
        account = await account_of(settings)
    except CarrierError as error:
        raise ServiceError(str(error)) from error
    number = _see_number(settings.twilio_number, account.numbers, "TWILIO_NUMBER")
    return Finding("Twilio", True, f"credentials valid, account {account.status}{number}")


async def _telnyx(settings: "Settings") -> Finding:
    if not settings.telnyx_api_key.get_secret_value():
        return not_set("Telnyx", "TELNYX_API_KEY", needed=True)
    from orchestra.voice.carriers.registry import webhook_url
    from orchestra.voice.carriers.telnyx.commands import application_of
    from orchestra.voice.carriers.telnyx.signature import WebhookKey

    WebhookKey(settings.telnyx_public_key)
    if not settings.telnyx_connection_id:
        return _unchecked("Telnyx", "keys set", "TELNYX_CONNECTION_ID")
    application = await application_of(settings)
    if not application.active:
        msg = f"key valid, but the application {application.application_name!r} is not active"
        raise ServiceError(msg)
    ours = webhook_url(settings, settings.public_url or "")
    if settings.public_url and settings.carrier == "telnyx" and application.webhook_event_url != ours:
        msg = (
            f"key valid, but the application's webhooks go to {application.webhook_event_url}: have them sent to {ours}"
        )
        raise ServiceError(msg)
    return Finding("Telnyx", True, f"key valid, application {application.application_name} active")


async def _plivo(settings: "Settings") -> Finding:
    if not settings.plivo_auth_token.get_secret_value():
        return not_set("Plivo", "PLIVO_AUTH_TOKEN", needed=True)
    if not settings.plivo_auth_id:
        return _unchecked("Plivo", "token set", "PLIVO_AUTH_ID")
    from orchestra.voice.carriers.plivo.voice_api import numbers_of

    number = _see_number(settings.plivo_number, await numbers_of(settings), "PLIVO_NUMBER")
    return Finding("Plivo", True, f"credentials valid{number}")


async def _vonage(settings: "Settings") -> Finding:
    if not settings.vonage_signature_secret.get_secret_value():
        return not_set("Vonage", "VONAGE_SIGNATURE_SECRET", needed=True)
    if not settings.vonage_application_id or not settings.vonage_private_key.get_secret_value():
        return _unchecked("Vonage", "signature secret set", "VONAGE_APPLICATION_ID and ORCHESTRA_VONAGE_PRIVATE_KEY")
    from orchestra.voice.carriers.vonage.rest import VonageRest

    await VonageRest(settings).check_key()
    return Finding("Vonage", True, "application and key valid")


def _unchecked(what: str, found: str, variable: str) -> Finding:
    return Finding(what, None, f"{found}; to have it checked, and to make calls, set ORCHESTRA_{variable}")


def _see_number(number: str, numbers: tuple[str, ...], variable: str) -> str:
    """In words: whether our number is one of the account's.

    Raises:
        ServiceError: it is not.

    """
    if number and number not in numbers:
        msg = f"credentials valid, {number} is not a number of the account: set ORCHESTRA_{variable}"
        raise ServiceError(msg)
    return ", number there" if number else ""
