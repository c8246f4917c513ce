"""What is made below the camera root has the root's permissions, whatever the process has for its own files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cameras.files.tree import Tree
from cameras.files.writer import PartialFile, make_folder

pytestmark = pytest.mark.one_engine


@pytest.fixture(autouse=True)
def _private() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.parametrize(("mode", "of_files"), [(0o700, 0o600), (0o775, 0o664), (0o2770, 0o660), (0o755, 0o644)])
def test_folders_and_files_of_cameras_follow_the_root(tmp_path: Path, mode: int, of_files: int) -> None:
    tmp_path.chmod(mode)
    tree = Tree(tmp_path)
    make_folder(tree, "door/day")
    partial = PartialFile(tree, "door/day")
    partial.file.write(b"x")
    partial.place("door/day/a.jpg")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("door", "door/day", "door/day/a.jpg")]
    assert modes == [mode, mode, of_files]


def test_a_folder_that_is_there_keeps_its_own(tmp_path: Path) -> None:
    tmp_path.chmod(0o775)
    (tmp_path / "door").mkdir()
    make_folder(Tree(tmp_path), "door/day")
    assert stat.S_IMODE((tmp_path / "door").stat().st_mode) == 0o700
