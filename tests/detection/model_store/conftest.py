from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings

from detection.model_store import manifest
from detection.model_store.manifest import Build, Model
from tests.detection.model_store.site import Site

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
