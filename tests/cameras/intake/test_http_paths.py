from __future__ import annotations

import pytest

from cameras.files.ignored_names import is_passed_over
from cameras.intake.http_paths import camera_folder, folder_for, is_own, is_told, request_of

pytestmark = pytest.mark.one_engine


@pytest.mark.parametrize("request_id", ["abc-123", "..", ".hidden", "x" * 64, "A_b.C-9", "-", ""])
def test_a_path_says_which_request_brought_the_file(request_id: str):
    path = f"{folder_for('door', '20260301', request_id)}/a.jpg"
    assert is_own(path)
    assert request_of(path) == request_id
    assert not is_passed_over(path)


@pytest.mark.parametrize("request_id", ["abc-123", "told", ""])
@pytest.mark.parametrize("folder", ["door", "nvr/07", "http", "http/http"])
@pytest.mark.parametrize("told", [True, False])
def test_a_path_says_which_camera_it_was_sent_to_and_whether_its_time_was_told(
    folder: str, request_id: str, told: bool
):
    path = f"{folder_for(folder, '20260301', request_id, told=told)}/a_00_20240115143052.jpg"
    assert (camera_folder(path), request_of(path), is_told(path)) == (folder, request_id, told)


@pytest.mark.parametrize(
    "path", ["door/a.jpg", "door/http/a.jpg", "door/http/20260301/abc/a.jpg", "http/20260301/a.jpg", "told/a.jpg"]
)
def test_any_other_file_came_another_way(path: str):
    assert not is_own(path)
    assert (camera_folder(path), request_of(path), is_told(path)) == ("", "", False)


def test_two_files_of_one_request_have_folders_of_their_own():
    assert folder_for("door", "20260301", "abc") != folder_for("door", "20260301", "abc")
