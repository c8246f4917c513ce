from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from detection.model_store import manifest
from detection.model_store.manifest import Archive, Build, Model
from tests.detection.model_store.site import Answer, Site

CONTENT = b"weights" * 5000


@pytest.fixture(autouse=True)
def store_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty store, no source and no proxy. The folder of the store is there after the first fetch."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with override_settings(DATA_DIR=tmp_path, MODEL_SOURCE="", DETECTOR="auto", DETECTOR_MODEL="", RTDETR_URL=""):
        yield tmp_path / "models"


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


def tiny(**changes: object) -> Model:
    """A model whose file is `CONTENT`."""
    given: dict[str, object] = {
        "name": "tiny",
        "file": "tiny.onnx",
        "purpose": "detector",
        "family": "yolox",
        "builds": (build(CONTENT),),
        "licence": "Apache-2.0",
        "threshold": 0.4,
    }
    return Model(**given | changes)  # type: ignore[arg-type]


def build(content: bytes) -> Build:
    return Build(len(content), hashlib.sha256(content).hexdigest())


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Model:
    """The manifest knows `tiny` only, and it is the default."""
    model = tiny()
    monkeypatch.setattr(manifest, "MODELS", (model,))
    monkeypatch.setattr(manifest, "DEFAULTS", (model,))
    return model


def packed(
    content: bytes, *, name: str = "pack-1/pack/tiny.weights", setup: bytes = b"raise SystemExit('run')"
) -> bytes:
    """A source archive with `content` as its member `name`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, data in (("pack-1/setup.py", setup), (name, content)):
            info = tarfile.TarInfo(path)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def archived(site: Site, content: bytes, *, page: str = "json", **named: Any) -> Archive:
    """Put a package with `content` on the index of the site; how the manifest would name it."""
    data = packed(content, **named)
    site.answers["/files/pack-1.tar.gz"] = Answer(data)
    if page == "json":
        body = json.dumps({"files": [{"filename": "pack-1.tar.gz", "url": "/files/pack-1.tar.gz"}]}).encode()
        site.answers["/simple/pack/"] = Answer(body, headers={"Content-Type": "application/vnd.pypi.simple.v1+json"})
    else:
        body = b'<!DOCTYPE html><a href="../../files/pack-1.tar.gz#sha256=00">pack-1.tar.gz</a>'
        site.answers["/simple/pack/"] = Answer(body, headers={"Content-Type": "text/html"})
    return Archive("pack", "pack-1.tar.gz", build(data), "tiny.weights")
