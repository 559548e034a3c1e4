"""A final of Deepgram's that answers an earlier request counts as words, and more are awaited."""

from typing import Any

import pytest
from deepgram.listen.v1.types import ListenV1Results
from pipecat.services.deepgram.stt import DeepgramSTTService

from orchestra.settings import Settings
from orchestra.voice.engines.deepgram.engine import NovaEngine


async def test_a_final_that_does_not_cover_the_request_is_no_answer_to_it(
    vendor_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Any] = []

    async def take(_service: object, message: Any) -> None:
        taken.append(message)

    monkeypatch.setattr(DeepgramSTTService, "_on_message", take)
    service = NovaEngine(vendor_settings).stt()
    service._requested_at_s = 5.0
    early: Any = ListenV1Results.model_construct(
        type="Results", start=0.0, duration=1.0, is_final=True, from_finalize=True, channel=None, metadata=None
    )
    await service._on_message(early)
    assert [message.from_finalize for message in taken] == [False]
    assert early.from_finalize
