"""Whether a file still has the content that was taken in, whatever its name, size and time say."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from cameras.files import content

pytestmark = pytest.mark.one_engine

GOOD, BAD = b"good" * 1000, b"evil" * 1000
SHA256 = hashlib.sha256(GOOD).hexdigest()


@pytest.fixture(autouse=True)
def _nothing_known() -> Iterator[None]:
    content._verified_versions.clear()
    yield
    content._verified_versions.clear()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "clip"
    made.write_bytes(GOOD)
    return made


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file was written to a long time ago, as far as the clock says."""
    later = time.time_ns() + 3600 * 10**9
    monkeypatch.setattr("cameras.files.content.time.time_ns", lambda: later)


def swap(path: Path, data: bytes) -> None:
    """Other bytes under the same size and modification time, as a client can make it."""
    status = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_content_that_differs_from_the_start_is_reported(path: Path) -> None:
    swap(path, BAD)
    with (
        path.open("rb") as file,
        pytest.raises(content.ContentChangedError),
        content.verified(file, SHA256, is_verified=False),
    ):
        pytest.fail("it was used")


@pytest.mark.parametrize("is_verified", [True, False])
def test_content_that_is_swapped_while_it_is_used_is_reported(path: Path, is_verified: bool) -> None:
    with (
        path.open("rb") as file,
        pytest.raises(content.ContentChangedError),
        content.verified(file, SHA256, is_verified=is_verified),
    ):
        swap(path, BAD)


@pytest.mark.usefixtures("old")
def test_a_file_that_is_renamed_while_it_is_used_is_the_same(path: Path) -> None:
    with path.open("rb") as file, content.verified(file, SHA256, is_verified=False):
        path.rename(path.with_name("other")).chmod(0o400)


@pytest.mark.usefixtures("old")
def test_a_version_is_hashed_once_and_another_one_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[BinaryIO] = []
    digest = content.digest

    def counted(file: BinaryIO) -> str:
        hashed.append(file)
        return digest(file)

    monkeypatch.setattr(content, "digest", counted)
    with path.open("rb") as file:
        for _ in range(3):
            content.verify(file, SHA256)
        assert len(hashed) == 1
        swap(path, BAD)
        with pytest.raises(content.ContentChangedError):
            content.verify(file, SHA256)
        swap(path, GOOD)
        content.verify(file, SHA256)
    assert len(hashed) == 3


def test_a_version_that_could_change_unseen_is_not_remembered(path: Path) -> None:
    with path.open("rb") as file:
        content.verify(file, SHA256)
        assert not content.is_verified(file, SHA256)


@pytest.mark.usefixtures("old")
def test_what_is_remembered_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "_MAX_VERSIONS", 2)
    for number in range(4):
        path.write_bytes(GOOD[: 4 * (number + 1)])
        with path.open("rb") as file:
            content.verify(file, content.digest(file))
    assert len(content._verified_versions) == 2


def test_a_picture_is_read_by_position(path: Path) -> None:
    with path.open("rb") as file:
        file.seek(77)
        assert content.read_verified(file, SHA256) == content.read_verified(file, None) == GOOD
        assert file.tell() == 77
