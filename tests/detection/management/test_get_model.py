from __future__ import annotations

import hashlib
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from detection.detectors import detectors
from detection.detectors.opencv import OpenCVDetector
from detection.model_store import manifest, store
from tests.detection.model_store.conftest import CONTENT, archived, known, site, store_folder, tiny  # noqa: F401 - fixtures

pytestmark = pytest.mark.one_engine


def run(*arguments, **options):
    out, err = StringIO(), StringIO()
    call_command("get_model", *arguments, stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


@pytest.fixture
def source(tmp_path, known):  # noqa: F811
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "tiny.onnx").write_bytes(CONTENT)
    with override_settings(MODEL_SOURCE=str(folder)):
        yield folder


def test_the_list_names_each_model_with_its_size_threshold_and_licence():
    lines = run("--list")[0].splitlines()
    assert len(lines) == len(manifest.MODELS) + 1
    (nano,) = [line.split() for line in lines if line.startswith("yolox-nano")]
    assert nano == ["yolox-nano", "detector", "yolox", "3.7", "0.4", "Apache-2.0"]


def test_without_a_name_the_default_is_fetched_and_its_licence_printed(source):
    out, err = run()
    assert store.path_of(manifest.DEFAULTS[0]).read_bytes() == CONTENT
    assert "Licence: Apache-2.0" in out
    assert "Detector: onnx with tiny." in out
    assert err == ""
    assert run("--list")[0].splitlines()[1].endswith("fetched")


def test_a_fetched_file_is_hashed_once(source, monkeypatch):
    hashed = []
    sha256_of = store.sha256_of

    def noting(path):
        hashed.append(path)
        return sha256_of(path)

    monkeypatch.setattr(store, "sha256_of", noting)
    out, _ = run("tiny")
    assert f"SHA-256: {hashlib.sha256(CONTENT).hexdigest()}" in out
    assert [path.parent for path in hashed] == [source, store.folder()]
    run("tiny")
    assert hashed[2:] == [store.folder() / "tiny.onnx"]


def test_a_fetched_model_is_used_from_then_on(source):
    assert detectors.chosen() == "opencv"
    run("tiny")
    assert detectors.chosen() == "onnx"


def test_an_unknown_name_is_answered_with_the_known_ones(known):  # noqa: F811
    with pytest.raises(CommandError, match=r"no model 'yolo'. Known are tiny"):
        run("yolo")


def test_a_wrong_file_is_an_error_and_nothing_is_kept(source):
    (source / "tiny.onnx").write_bytes(b"other")
    with pytest.raises(CommandError, match=r"tiny cannot be fetched: .*is another file"):
        run()
    assert not store.path_of(manifest.DEFAULTS[0]).exists()


@pytest.mark.parametrize(
    "settings",
    [
        {"RTDETR_URL": "http://127.0.0.1:9"},
        {"DETECTOR_MODEL": "/srv/model.onnx"},
        {"DETECTOR": "opencv"},
    ],
)
def test_if_needed_fetches_nothing_where_a_detector_is_set(source, settings):
    with override_settings(**settings):
        out, err = run("--if-needed")
    assert out.startswith("Detector: ")
    assert (out.count("\n"), err) == (1, "")
    assert not store.folder().exists()


def test_if_needed_fetches_once_and_states_the_detector_each_time(source):
    assert "Fetching tiny" in run("--if-needed")[0]
    out, err = run("--if-needed")
    assert out.startswith("Detector: onnx with tiny. It finds only the objects that its model was trained on")
    assert (out.count("\n"), err) == (1, "")


def test_if_needed_continues_with_opencv_and_says_so(known):  # noqa: F811
    out, err = run("--if-needed")
    assert out.splitlines()[-1] == f"Detector: opencv. {OpenCVDetector.limits}"
    assert "MODEL_SOURCE" in err
    assert err.endswith("The detector of OpenCV is used instead.\n")


def test_the_second_default_is_fetched_where_the_first_fails_and_the_reason_is_told(source, monkeypatch):
    first = tiny(name="first", file="first.onnx")
    monkeypatch.setattr(manifest, "DEFAULTS", (first, manifest.DEFAULTS[0]))
    out, err = run()
    assert "first cannot be fetched: " in err
    assert store.path_of(manifest.DEFAULTS[1]).read_bytes() == CONTENT
    assert "Detector: onnx with tiny." in out


@pytest.mark.parametrize(
    ("reachable", "detector"),
    [(("model", "index"), "onnx with tiny"), (("index",), "darknet with second"), ((), "opencv")],
)
def test_in_each_place_a_start_takes_the_best_detector_in_reach_and_states_it(
    tmp_path,
    monkeypatch,
    site,  # noqa: F811
    reachable,
    detector,
):
    second = tiny(name="second", file="second.weights", family="darknet", archive=archived(site, CONTENT))
    for name in ("MODELS", "DEFAULTS"):
        monkeypatch.setattr(manifest, name, (tiny(), second))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", f"{site.url}/simple" if "index" in reachable else "http://127.0.0.1:9/simple")
    if "model" in reachable:
        (tmp_path / "tiny.onnx").write_bytes(CONTENT)
    with override_settings(MODEL_SOURCE=str(tmp_path)):
        out, _ = run("--if-needed")
    assert out.splitlines()[-1].startswith(f"Detector: {detector}. It finds only ")
