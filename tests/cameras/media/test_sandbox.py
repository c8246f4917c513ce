"""What the process that decodes cannot do. Where a kernel lacks something, it says so, and that is what is tested."""

from __future__ import annotations

import os
import platform
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from django.core import checks

from cameras.checks import check_decoder_restrictions
from cameras.media import decoder, decoder_process, sandbox
from tests import files

pytestmark = [pytest.mark.one_engine, pytest.mark.usefixtures("own_decoders")]


def test_a_decoder_that_a_file_has_taken_over_reaches_no_file_and_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder_process.DecoderProcess, "program", "tests.cameras.media.probing_child")
    secret = tmp_path / "hsi.sqlite3"
    with sqlite3.connect(secret) as made:
        made.execute("CREATE TABLE s (a)")
    made.close()
    (tmp_path / "a.jpg").write_bytes(files.jpeg())
    with (tmp_path / "a.jpg").open("rb") as file:
        found, _ = decoder._request_one(file, task="probe", secret=str(secret), parent=os.getpid())
    walls = decoder_process.active_restrictions()
    assert found.pop("own file") == "done"
    assert walls.files == (f"Landlock {sandbox.landlock_version()}" if sandbox.landlock_version() else _without())
    for name in ("read", "list", "write", "again", "environment"):
        assert ("Permission denied" in found[name]) == bool(walls.files), (name, found[name])
    assert ("unable to open" in found["query"]) == bool(walls.files)
    assert walls.network in {"", "seccomp", walls.files}
    if platform.system() == "Linux" and platform.machine() in {"x86_64", "aarch64"}:
        assert walls.network == "seccomp"
        assert "Operation not permitted" in found["connect"]
        assert "not permitted" in found["execute"]
    if sandbox.landlock_version() >= 6:
        assert "not permitted" in found["signal"]


def _without() -> str:
    return "another user" if os.geteuid() == 0 else ""


def test_a_kernel_without_landlock_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(sandbox, "_system_call", lambda *arguments: -1)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert sandbox.landlock_version() == 0
    assert sandbox._drop_privileges() == ""
    assert [(one.id, one.level) for one in check_decoder_restrictions(None)] == [("cameras.W001", checks.WARNING)]
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for name in ("setgroups", "setresgid", "setresuid"):
        monkeypatch.setattr(os, name, lambda *ids, name=name: calls.append((name, *ids)))
    assert sandbox._drop_privileges() == "another user"
    assert [name for name, *_ in calls] == ["setgroups", "setresgid", "setresuid"]
    assert check_decoder_restrictions(None) == []


def test_an_unrestricted_decoder_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    decoder_process._warn_unrestricted.cache_clear()
    monkeypatch.setattr(
        "cameras.media.decoder_protocol.receive", lambda peer: ({"files": "", "network": ""}, b"", None)
    )
    for _ in range(2):
        decoder_process.DecoderProcess().end()
    decoder_process._warn_unrestricted.cache_clear()
    assert len(caplog.records) == 1
    assert "manage.py check" in caplog.text


def test_a_decoder_that_cannot_be_started_is_no_fault_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder_process.DecoderProcess, "program", "no.such.program")
    with pytest.raises(OSError, match="cannot be started"):
        decoder_process.active_restrictions()
