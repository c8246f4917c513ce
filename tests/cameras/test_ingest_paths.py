from __future__ import annotations

import pytest

from cameras.ingest_paths import folder_for, is_own, request_of
from cameras.names import is_passed_over

pytestmark = pytest.mark.one_engine


@pytest.mark.parametrize("request_id", ["abc-123", "..", ".hidden", "x" * 64, "A_b.C-9", "-", ""])
def test_a_path_says_which_request_brought_the_file(request_id: str):
    path = f"{folder_for('door', '20260301', request_id)}/a.jpg"
    assert is_own(path)
    assert request_of(path) == request_id
    assert not is_passed_over(path)


@pytest.mark.parametrize(
    "path", ["door/a.jpg", "door/http/a.jpg", "door/http/20260301/abc/a.jpg", "http/20260301/a.jpg"]
)
def test_any_other_file_came_another_way(path: str):
    assert not is_own(path)
    assert request_of(path) == ""


def test_two_files_of_one_request_have_folders_of_their_own():
    assert folder_for("door", "20260301", "abc") != folder_for("door", "20260301", "abc")
