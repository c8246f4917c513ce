"""The folder of fetched models, `models` in the data folder."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from detection.model_store import manifest
from detection.model_store.manifest import Build, Model
from hsi.errors import HSIError

PARTIAL = (".", ".part")  # how the name of a file that is being written begins and ends
ABANDONED_SECONDS = 86_400
CHUNK_BYTES = 1024 * 1024


class ModelStoreError(HSIError):
    """A model file cannot be had or kept."""

    code = "MODEL_NOT_FETCHED"
    status = 502


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model file of the store, and the hash of its verified content."""

    path: Path
    sha256: str


def folder() -> Path:
    place: Path = settings.DATA_DIR / "models"
    return place


def path_of(model: Model) -> Path:
    return folder() / model.file


def is_fetched(model: Model) -> bool:
    """Return whether a file of the right name and size exists. Loading it checks its hash."""
    try:
        size = path_of(model).stat().st_size
    except OSError:
        return False
    return any(build.size_bytes == size for build in model.builds)


def fetched_detector(family: str = "") -> Model | None:
    """Return the best downloaded detector: for onnxruntime ("onnx"), for "darknet", or any."""
    return next(
        (
            model
            for model in manifest.MODELS
            if model.purpose == "detector" and family in ("", backend(model)) and is_fetched(model)
        ),
        None,
    )


def backend(model: Model) -> str:
    """Return the value of `DETECTOR` for the file of a detector."""
    return "darknet" if model.family == "darknet" else "onnx"


def is_changed(path: Path, sha256: str) -> bool:
    """Return whether a file of the store differs from the manifest. Files elsewhere are not checked."""
    if path.parent.resolve() != folder().resolve():
        return False
    return any(
        model.file == path.name and sha256 not in {build.sha256 for build in model.builds} for model in manifest.MODELS
    )


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(path: Path, builds: tuple[Build, ...], name: str) -> str:
    """Return the SHA-256 of the file. Raise `ModelStoreError` if it is none of `builds`."""
    size, found = path.stat().st_size, sha256_of(path)
    if found in {build.sha256 for build in builds}:
        return found
    wanted = " or ".join(f"{build.size_bytes:,} bytes with SHA-256 {build.sha256}" for build in builds)
    raise ModelStoreError(f"{name} is another file: {size:,} bytes with SHA-256 {found}, wanted is {wanted}.")


@contextlib.contextmanager
def new_file(name: str) -> Iterator[tuple[BinaryIO, Path]]:
    """Open a new file in the store under a temporary name. Remove it at the end unless it was renamed."""
    path = folder() / f"{PARTIAL[0]}{name}.{secrets.token_hex(4)}{PARTIAL[1]}"
    try:
        folder().mkdir(parents=True, exist_ok=True)
        _remove_abandoned()
        with path.open("xb") as file:
            yield file, path
    except OSError as error:
        words = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else str(error.strerror or error)
        raise ModelStoreError(f"{folder()} does not take the file: {words}.") from error
    finally:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def keep(file: BinaryIO, path: Path, model: Model) -> StoredModel:
    """Bring a new file of the store to the disk and give it its name. Raises `ModelStoreError` for other content."""
    file.flush()
    sha256 = verify(path, model.builds, model.file)
    os.fsync(file.fileno())
    return StoredModel(path.replace(path_of(model)), sha256)


def _remove_abandoned() -> None:
    """Temporary files of processes that were killed."""
    for path in folder().glob(f"{PARTIAL[0]}*{PARTIAL[1]}"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                path.unlink()
