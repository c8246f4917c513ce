from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from hsi.server import web

pytestmark = pytest.mark.one_engine


def test_a_second_one_on_the_same_folder_is_refused_and_told_who_has_it(tmp_path: Path):
    with web.lock_folder(tmp_path), pytest.raises(CommandError) as refused:
        web.lock_folder(tmp_path)
    assert f"{tmp_path} (process {os.getpid()})" in str(refused.value)
    assert "HSI_DATA_DIR" in str(refused.value)


def test_a_folder_is_free_again_when_its_process_has_ended(tmp_path: Path):
    child = os.fork()
    if child == 0:
        web.lock_folder(tmp_path)
        os._exit(0)  # as a kill does: nothing is closed or removed
    os.waitpid(child, 0)
    web.lock_folder(tmp_path).close()


def test_another_folder_is_another_matter(tmp_path: Path):
    (tmp_path / "other").mkdir()
    with web.lock_folder(tmp_path), web.lock_folder(tmp_path / "other"):
        pass


def test_a_share_without_locks_is_used_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def refuse(*arguments: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    web.lock_folder(tmp_path).close()
    assert "cannot be locked" in caplog.text


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path):
    with pytest.raises(CommandError, match="Cannot write to the data folder"):
        web.lock_folder(tmp_path / "absent")
