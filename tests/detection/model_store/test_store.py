from __future__ import annotations

import os
import time

import pytest

from detection.model_store import manifest, store
from detection.model_store.manifest import YOLOV3_TINY, YOLOX_NANO

pytestmark = pytest.mark.one_engine


def put(model):
    store.folder().mkdir(exist_ok=True)
    with store.path_of(model).open("wb") as file:
        file.truncate(model.builds[-1].size_bytes)


def test_of_the_fetched_detectors_the_better_one_is_used():
    assert store.fetched_detector() is None
    put(YOLOV3_TINY)
    assert store.fetched_detector() is YOLOV3_TINY
    put(YOLOX_NANO)
    assert store.fetched_detector() is YOLOX_NANO
    assert store.fetched_detector("darknet") is YOLOV3_TINY
    assert store.fetched_detector("onnx") is YOLOX_NANO


def test_models_for_other_purposes_are_no_detectors():
    put(next(model for model in manifest.MODELS if model.purpose == "faces"))
    assert store.fetched_detector() is None


def test_a_file_of_another_size_is_not_taken_for_the_model():
    put(YOLOX_NANO)
    with store.path_of(YOLOX_NANO).open("ab") as file:
        file.write(b"!")
    assert not store.is_fetched(YOLOX_NANO)


def test_only_files_in_the_store_are_compared_with_the_manifest(tmp_path):
    assert store.is_changed(store.path_of(YOLOX_NANO), "0" * 64)
    assert not store.is_changed(store.path_of(YOLOX_NANO), YOLOX_NANO.builds[0].sha256)
    assert not store.is_changed(tmp_path / YOLOX_NANO.file, "0" * 64)
    assert not store.is_changed(store.folder() / "own.onnx", "0" * 64)


def test_what_a_killed_process_left_goes_after_a_day():
    store.folder().mkdir()
    old, new = store.folder() / ".tiny.onnx.0000.part", store.folder() / ".tiny.onnx.1111.part"
    for path in (old, new):
        path.write_bytes(b"half")
    yesterday = time.time() - store.ABANDONED_SECONDS - 60
    os.utime(old, (yesterday, yesterday))
    with store.new_file("other.onnx"):
        pass
    assert not old.exists()
    assert new.exists()
