from __future__ import annotations

import re

import pytest

from detection.detectors.families import FAMILIES
from detection.model_store import manifest
from detection.model_store.manifest import MODELS
from hsi.outbound import safe_http

pytestmark = pytest.mark.one_engine
HASH = re.compile(r"[0-9a-f]{64}")


def test_every_name_file_and_hash_is_there_once():
    for values in ([one.name for one in MODELS], [one.file for one in MODELS]):
        assert len(set(values)) == len(values)
    hashes = [build.sha256 for one in MODELS for build in one.builds]
    assert len(set(hashes)) == len(hashes)
    assert all(HASH.fullmatch(one) for one in hashes)


def test_every_model_has_a_licence_and_every_detector_a_family_that_is_read_and_a_threshold():
    families = {family.name for family in FAMILIES} | {"darknet"}
    for model in MODELS:
        assert model.licence
        assert (model.threshold is not None) == (model.purpose == "detector")
        assert model.purpose != "detector" or model.family in families


def test_every_address_may_be_asked():
    for model in MODELS:
        for address in model.addresses:
            safe_http.check(address)
            assert address.startswith("https://")
            assert address.endswith(f"/{model.file}")


@pytest.mark.parametrize("name", ["yolox-nano", "yolox_nano", "YOLOX_nano.onnx", "yolox_nano.onnx"])
def test_a_model_is_found_by_its_name_or_its_file(name):
    assert manifest.find(name) is manifest.YOLOX_NANO


def test_other_names_are_found_nowhere():
    assert manifest.find("yolo") is None
    assert manifest.find("") is None


def test_a_file_is_known_by_its_hash():
    assert manifest.by_sha256(manifest.YOLOV3_TINY.builds[0].sha256) is manifest.YOLOV3_TINY
    assert manifest.by_sha256("0" * 64) is None
