"""Every private name of Pipecat that the edge relies on. A new version of Pipecat may drop one without notice."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from functools import cache

import pytest
from pipecat.audio.turn.smart_turn import _whisper_features
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroOnnxModel, SileroVADAnalyzer
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregator
from pipecat.services.deepgram.flux.stt import DeepgramFluxSTTService
from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.services.elevenlabs.tts import ElevenLabsTTSService
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.turns.user_start import MinWordsUserTurnStartStrategy
from pipecat.turns.user_stop import ExternalUserTurnStopStrategy, TurnAnalyzerUserTurnStopStrategy
from pipecat.turns.user_turn_controller import UserTurnController

from orchestra.voice import engines, pipeline

#: Pipecat's class and its private names that our subclasses read, set or override
PRIVATE: dict[type, str] = {
    BaseOutputTransport: "_supports_native_dtmf _write_dtmf_native",
    DeepgramFluxSTTService: "_connect_websocket _disconnect _handle_turn_info _reconnect_backoff_min_wait _settings "
    "_update_settings",
    DeepgramSTTService: "_connect _connection _disconnect _on_error _on_message _reconnect",
    ElevenLabsTTSService: "_get_websocket _apply_force_complete _disconnect _reconnect_websocket _websocket",
    ExternalUserTurnStopStrategy: "_handle_transcription _maybe_trigger_user_turn_stopped _turn_open",
    LLMUserAggregator: "_aggregation _on_push_frame _user_turn_controller",
    LocalSmartTurnAnalyzerV3: "_audio_buffer _clear _predict_endpoint _process_speech_segment _resample_to_model_rate "
    "_session _stop_ms",
    MinWordsUserTurnStartStrategy: "_bot_speaking",
    SegmentedSTTService: "_audio_buffer _handle_user_started_speaking _handle_user_stopped_speaking _segment_queue "
    "_user_id _user_speaking",
    SileroOnnxModel: "_context _state",
    SileroVADAnalyzer: "_get_smoothed_volume _low_confidence_windows _maybe_reset_model _model _params _prev_volume "
    "_run_analyzer _vad_starting_count _vad_state _vad_stop_frames _windows_since_reset",
    TTSService: "_aggregated_frame_sequencer",
    TurnAnalyzerUserTurnStopStrategy: "_discard_pending_end_of_turn _handle_input_audio _handle_prediction_result "
    "_handle_vad_user_stopped_speaking _maybe_trigger_user_turn_stopped _stop_secs_warned _text _timeout_expired "
    "_transcript_finalized _turn_analyzer _turn_complete _vad_stopped _vad_user_speaking",
    UserTurnController: "_user_turn",
}


def is_defined(stock: type, name: str) -> bool:
    """Whether Pipecat's part of a class assigns this name or defines it as a method."""
    places = [base for base in stock.__mro__ if base.__module__.startswith("pipecat")]
    pattern = rf"self\.{name}\b\s*(:|=[^=])|def {name}\("
    return any(re.search(pattern, source_of(place)) for place in places)


@cache
def source_of(place: type) -> str:
    """Its source: to find it, Python parses the whole module each time."""
    return inspect.getsource(place)


@pytest.mark.parametrize(
    ("stock", "name"), [(stock, name) for stock, names in PRIVATE.items() for name in names.split()]
)
def test_pipecat_still_has_the_private_name(stock: type, name: str) -> None:
    assert is_defined(stock, name)


@pytest.mark.parametrize("name", ["_vad_state", "_vad_stopping_count"])
def test_pipecat_still_counts_the_silence_that_its_vad_has_not_reported(name: str) -> None:
    assert is_defined(SileroVADAnalyzer, name)


def test_pipecat_still_has_the_constants_of_whispers_features() -> None:
    assert _whisper_features._HANN_WINDOW.shape == (400,)
    assert _whisper_features._MEL_FILTERS.shape[1] == _whisper_features._N_MELS


def used() -> Iterator[tuple[str, str]]:
    """Our subclasses of Pipecat's classes, each with a private name that Pipecat defines for it."""
    packages = [
        module.name
        for home in (engines, pipeline)
        for module in pkgutil.walk_packages(home.__path__, f"{home.__name__}.")
    ]
    for module in packages:
        for ours in vars(importlib.import_module(module)).values():
            if inspect.isclass(ours) and ours.__module__ == module:
                source = inspect.getsource(ours)
                for name in set(re.findall(r"(?:self|super\(\))\.(_[a-z]\w*)|def (_[a-z]\w*)\(", source)):
                    found = name[0] or name[1]
                    if is_defined(ours, found):
                        yield ours.__name__, found


def test_no_other_private_name_of_pipecat_is_used() -> None:
    known = {name for names in PRIVATE.values() for name in names.split()}
    assert {(ours, name) for ours, name in used() if name not in known} == set()
