"""`orchestra up` starts the workers of the servers that are set."""

from pathlib import Path

from orchestra.settings import Settings
from orchestra.stack import WORKERS, workers_of


def test_logging_and_telemetry_run_if_their_server_is_set(tmp_path: Path) -> None:
    plain = Settings(data_dir=tmp_path)
    assert workers_of(plain) == (*WORKERS, "analysis", "archive")
    both = plain.model_copy(update={"openobserve_url": "http://127.0.0.1:5080", "otlp_url": "http://127.0.0.1:4318"})
    assert {"logging", "telemetry"} <= set(workers_of(both))
