"""The redaction that the settings and the app ask for."""

from orchestra.settings import Settings
from orchestra.telemetry.redaction import Redaction


def chosen_redaction(settings: Settings) -> Redaction | None:
    """What is taken out before anything leaves; None where the settings say that nothing is.

    Raises:
        AppError: the app, which may name patterns of its own, cannot be loaded: then nothing may leave.

    """
    if not settings.redact:
        return None
    from orchestra.agents.loader import load_app  # noqa: PLC0415 - not needed where nothing is redacted

    return Redaction(load_app(settings.app).redact)
