"""What the person of a transfer hears before they take a call, and the key with which they take it."""

from orchestra.history.ending import Transfer
from orchestra.language import find_language

#: no answering machine presses it
ACCEPT_KEY = "1"


def briefing(transfer: Transfer, app: str) -> str:
    """What the call is about. ``app`` is the name of the app, where the transfer has none."""
    phrase = find_language(transfer.language).phrases.incoming_transfer
    return phrase.format(app=transfer.app or app, briefing=transfer.briefing).strip()


def accept_question(language: str) -> str:
    """Which key takes the call."""
    return find_language(language).phrases.accept_transfer.format(key=ACCEPT_KEY)
