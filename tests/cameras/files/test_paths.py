from __future__ import annotations

import pytest

from cameras.files.paths import is_ignored, is_system, is_too_deep

pytestmark = pytest.mark.one_engine


@pytest.mark.parametrize(
    "name",
    [
        "@eaDir", "@tmp", "@Recently-Snapshot", "#recycle", "#Snapshot", "lost+found", ".Trash-1000", ".snapshot",
        "System Volume Information", "$RECYCLE.BIN", "RECYCLER", "FOUND.000", "Network Trash Folder", "__MACOSX",
        "Thumbs.db", "ehthumbs_vista.db", "Desktop.ini", ".DS_Store", "._door.jpg", "Icon\r", "~$note.jpg",
        "SYNOPHOTO_THUMB_XL.jpg", ".nfs0000001",
    ],
)  # fmt: skip
def test_what_a_nas_or_a_desktop_keeps_is_no_camera_s(name: str):
    assert is_system(name)
    assert is_ignored(f"door/{name}")
    assert is_ignored(f"{name}/door/1.jpg")
    assert is_ignored(f"door/2026/{name}/1.jpg")


@pytest.mark.parametrize(
    "path",
    [
        "door/1.jpg", "#1 front/1.jpg", "door/thumbs/1.jpg", "door/found.jpg", "door/recycle/1.jpg", "door/a@b.jpg",
        "system/1.jpg", "$door/1.jpg", "snapshot/1.jpg", "door/icon.jpg", "lost and found/1.jpg", "-rf/1.jpg",
    ],
)  # fmt: skip
def test_ordinary_names_are_a_camera_s(path: str):
    assert not is_ignored(path)


def test_depth_counts_folders():
    assert not is_too_deep("/".join(["d"] * 12) + "/1.jpg")
    assert is_too_deep("/".join(["d"] * 13) + "/1.jpg")
