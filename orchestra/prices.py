"""The operator's price table for the parts of a call. There are no defaults, because prices change."""

import json
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Price = Annotated[float, Field(ge=0)]


class ModelPrice(BaseModel):
    """Price of a million tokens in a model's prompts and in its answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt_per_million: Price = 0.0
    completion_per_million: Price = 0.0


class Prices(BaseModel):
    """The price table, in one currency of the operator's choice.

    Attributes:
        models: by the model's name.
        tts_per_1000_characters: by the engine's name (``elevenlabs``, ``local``).
        stt_per_minute: of the caller's audio, silence included, by the engine's name.
        call_per_minute: the carrier's price.
        currency: as it is shown.

    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    models: dict[str, ModelPrice] = {}
    tts_per_1000_characters: dict[str, Price] = {}
    stt_per_minute: dict[str, Price] = {}
    call_per_minute: Price | None = None
    currency: str = "USD"

    @property
    def any(self) -> bool:
        """Whether any price is set."""
        return bool(
            self.models or self.tts_per_1000_characters or self.stt_per_minute or self.call_per_minute is not None
        )


def read_table(value: object) -> object:
    """Parse a setting's JSON text; an empty one is an empty table.

    Raises:
        ValueError: the text is not JSON.

    """
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value.strip() else {}
    except json.JSONDecodeError as error:
        msg = f"not valid JSON: {error}"
        raise ValueError(msg) from error
