from __future__ import annotations

import pytest

from cameras.files.paths import is_ignored
from cameras.naming.http_paths import camera_folder, has_client_time, is_http_upload, new_folder, request_id

pytestmark = pytest.mark.one_engine


@pytest.mark.parametrize("request_text", ["abc-123", "..", ".hidden", "x" * 64, "A_b.C-9", "-", ""])
def test_a_path_holds_the_id_of_its_request(request_text: str):
    path = f"{new_folder('door', '20260301', request_text)}/a.jpg"
    assert is_http_upload(path)
    assert request_id(path) == request_text
    assert not is_ignored(path)


@pytest.mark.parametrize("request_text", ["abc-123", "client-time", ""])
@pytest.mark.parametrize("folder", ["door", "nvr/07", "http", "http/http"])
@pytest.mark.parametrize("timed", [True, False])
def test_a_path_holds_its_camera_and_whether_its_time_comes_from_the_client(
    folder: str, request_text: str, timed: bool
):
    path = f"{new_folder(folder, '20260301', request_text, has_client_time=timed)}/a_00_20240115143052.jpg"
    assert (camera_folder(path), request_id(path), has_client_time(path)) == (folder, request_text, timed)


@pytest.mark.parametrize(
    "path", ["door/a.jpg", "door/http/a.jpg", "door/http/20260301/abc/a.jpg", "http/20260301/a.jpg", "told/a.jpg"]
)
def test_any_other_path_is_not_an_http_upload(path: str):
    assert not is_http_upload(path)
    assert (camera_folder(path), request_id(path), has_client_time(path)) == ("", "", False)


def test_two_files_of_one_request_have_folders_of_their_own():
    assert new_folder("door", "20260301", "abc") != new_folder("door", "20260301", "abc")
