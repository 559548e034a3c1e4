"""The models that the settings choose, by name."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial

from orchestra.errors import MissingExtraError, SettingError
from orchestra.execution.models.breaker import Breaker
from orchestra.execution.models.port import Model
from orchestra.settings import Settings

OFFLINE = "offline"
#: seconds of silence after which a caller believes that the line is dead
FIRST_TOKEN_S = 8.0
STALL_S = 8.0
LONGEST_S = 300.0


class ModelRegistry:
    """Models by name, each made when it is first needed.

    Args:
        default: name of the model for prompts without one.
        make: makes a model by its name.
        fallback: the model that answers when another one fails; None: no fallback.
        first_token_s: seconds after which a model fails if its answer has not begun.
        stall_s: seconds without further output after which a model fails.
        longest_s: total seconds that an answer may take.
        only: the default model answers every prompt, whatever model the prompt names.
        breaker: makes a model's circuit breaker.

    """

    def __init__(
        self,
        default: str,
        make: Callable[[str], Model],
        *,
        fallback: Model | None = None,
        first_token_s: float = FIRST_TOKEN_S,
        stall_s: float = STALL_S,
        longest_s: float = LONGEST_S,
        only: bool = False,
        breaker: Callable[[], Breaker] = Breaker,
    ) -> None:
        self.first_token_s = first_token_s
        self.stall_s = stall_s
        self.longest_s = longest_s
        self._only = only
        self._default = default
        self._make = make
        self._fallback = fallback
        self._breaker = breaker
        self._models: dict[str, Model] = {}
        self._breakers: dict[str, Breaker] = {}

    def get(self, name: str = "") -> Model:
        """The model of this name; the default one if the name is empty."""
        name = self._default if self._only else name or self._default
        if name not in self._models:
            self._models[name] = self._make(name)
        return self._models[name]

    def candidates(self, name: str = "") -> Iterator[tuple[Model, Breaker]]:
        """The models to ask, in order, until one answers; each with its breaker.

        A model whose breaker is open is skipped, unless it is the last one: a doubtful answer is better than none.
        """
        first = self.get(name)
        chain = [first] if self._fallback is None or self._fallback is first else [first, self._fallback]
        for position, model in enumerate(chain, 1):
            key = f"{position}:{model.name}"
            if key not in self._breakers:
                self._breakers[key] = self._breaker()
            if not self._breakers[key].open or position == len(chain):
                yield model, self._breakers[key]

    async def close(self) -> None:
        """Close all models."""
        for model in self._models.values():
            await model.close()
        if self._fallback is not None:
            await self._fallback.close()


@asynccontextmanager
async def open_models(settings: Settings, *, only: bool = False) -> AsyncIterator[ModelRegistry]:
    """Open the models that the settings choose, with the default one warmed up; closes them at the end.

    ``offline``, or a name on the server at ``model_url`` (default: OpenAI). ``only``: the default model also answers
    agents that name another one.

    Raises:
        SettingError: OpenAI's server is chosen, and there is no key for it.
        MissingExtraError: the model needs an extra that is not installed.

    """

    def make(name: str) -> Model:
        return _model(name, settings.model_url, settings.model_api_key.get_secret_value(), settings)

    models = ModelRegistry(
        settings.model,
        make,
        fallback=_fallback(settings),
        first_token_s=settings.model_first_token_s,
        stall_s=settings.model_stall_s,
        longest_s=settings.turn_s,
        only=only,
        breaker=partial(Breaker, settings.model_breaker_failures, settings.model_breaker_rest_s),
    )
    try:
        warm = getattr(models.get(), "warm", None)
        if warm is not None:
            await warm()
        yield models
    finally:
        await models.close()


def _fallback(settings: Settings) -> Model | None:
    """The fallback model; on the default model's server unless it has its own."""
    if not settings.model_fallback:
        return None
    url = settings.model_fallback_url or settings.model_url
    key = settings.model_fallback_api_key.get_secret_value() or settings.model_api_key.get_secret_value()
    return _model(settings.model_fallback, url, key, settings)


def _model(name: str, url: str | None, key: str, settings: Settings) -> Model:
    if name == OFFLINE:
        from orchestra.execution.models.offline import OfflineModel  # noqa: PLC0415 - only where it is chosen

        return OfflineModel()
    if not url and not key:
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
    longest_wait_s = settings.model_first_token_s / 4  # leaves time for another model
    return OpenAIModel(name, url, key, retries=settings.model_retries, longest_wait_s=longest_wait_s)
