"""The models that the settings choose, one of a name."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from orchestra.errors import MissingExtraError, SettingError
from orchestra.execution.models.port import Model
from orchestra.settings import Settings

OFFLINE = "offline"


class Models:
    """Models by name, each made when it is first asked for.

    Args:
        default: name of the model for prompts that name none.
        make: makes the model of a name.

    """

    def __init__(self, default: str, make: Callable[[str], Model]) -> None:
        self._default = default
        self._make = make
        self._models: dict[str, Model] = {}

    def of(self, name: str = "") -> Model:
        """The model of this name; the default one if it is empty."""
        name = name or self._default
        if name not in self._models:
            self._models[name] = self._make(name)
        return self._models[name]

    async def close(self) -> None:
        """Close them all."""
        for model in self._models.values():
            await model.close()


@asynccontextmanager
async def opened_models(settings: Settings) -> AsyncIterator[Models]:
    """The models that the settings choose, the default one warm; closed at the end.

    ``offline``, or a name on the server at ``model_url`` (OpenAI's own without one).

    Raises:
        SettingError: OpenAI's own server is chosen, and there is no key for it.
        MissingExtraError: the model needs a part of the platform that is not installed.

    """

    def make(name: str) -> Model:
        if name == OFFLINE:
            from orchestra.execution.models.offline import OfflineModel  # noqa: PLC0415 - only where it is chosen

            return OfflineModel()
        return _openai_model(name, settings)

    models = Models(settings.model, make)
    try:
        warm = getattr(models.of(), "warm", None)
        if warm is not None:
            await warm()
        yield models
    finally:
        await models.close()


def _openai_model(name: str, settings: Settings) -> Model:
    if not settings.model_url and not settings.model_api_key.get_secret_value():
        msg = (
            f"model {name!r} has no server: set ORCHESTRA_MODEL_API_KEY for OpenAI's own, ORCHESTRA_MODEL_URL for "
            f"another, or ORCHESTRA_MODEL={OFFLINE}"
        )
        raise SettingError(msg)
    try:
        from orchestra.execution.models.openai import OpenAIModel  # noqa: PLC0415 - takes 2 s and 60 MB
    except ModuleNotFoundError as error:
        msg = (
            f"model {name!r}: install the openai package with 'orchestra-voice[agents]', or set ORCHESTRA_MODEL=offline"
        )
        raise MissingExtraError(msg) from error
    return OpenAIModel(name, settings.model_url, settings.model_api_key.get_secret_value())
