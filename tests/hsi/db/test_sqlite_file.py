from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.db import DatabaseError

from hsi.db import sqlite_file

pytestmark = pytest.mark.one_engine


class Connection:
    """As much of Django's connection as is asked, on a file of this test."""

    vendor = "sqlite"

    def __init__(self, path: Path) -> None:
        self.settings_dict = {"NAME": str(path)}

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        with closing(sqlite3.connect(self.settings_dict["NAME"])) as database:
            try:
                yield database.cursor()
            except sqlite3.DatabaseError as error:
                raise DatabaseError(str(error)) from error


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "hsi.sqlite3"
    with closing(sqlite3.connect(place)) as database:
        database.execute("CREATE TABLE numbers (number INTEGER, words TEXT)")
        database.executemany("INSERT INTO numbers VALUES (?, ?)", [(n, "word " * 50) for n in range(500)])
        database.execute("CREATE INDEX by_number ON numbers (number)")
        database.commit()
    monkeypatch.setattr(sqlite_file, "connection", Connection(place))
    return place


def overwrite(path: Path, place: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        file.write(content)


def test_a_sound_file_and_a_missing_one_are_worked_with(path: Path, tmp_path: Path):
    with sqlite_file.sound_database(tmp_path):
        pass
    path.unlink()
    with sqlite_file.sound_database(tmp_path):
        pass
    assert not path.exists()


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: path.write_bytes(b"no database at all" * 1000),
        lambda path: overwrite(path, 0, b"\0" * 100),
        lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
        lambda path: path.write_bytes(path.read_bytes()[:60]),
        lambda path: overwrite(path, 4096, b"\xa5" * 20000),
        lambda path: overwrite(path, 100, b"\xff" * 900),
    ],
    ids=["another file", "header", "cut", "cut in the header", "pages", "schema"],
)
def test_a_damaged_file_is_told_with_what_to_do_and_left_as_it_is(
    path: Path, tmp_path: Path, harm: Callable[[Path], object]
):
    harm(path)
    before = path.read_bytes()
    with pytest.raises(CommandError) as refused, sqlite_file.sound_database(tmp_path):
        pass
    assert path.read_bytes() == before
    for words in (str(path), "damaged", "backup", "Nothing was changed"):
        assert words in str(refused.value)


@pytest.mark.parametrize("trace", ["thumbnails", "hsi.sqlite3-made"])
def test_an_empty_file_is_new_unless_it_was_in_use_before(path: Path, tmp_path: Path, trace: str):
    path.write_bytes(b"")
    assert sqlite_file.fault_of(path, tmp_path) == ""
    (tmp_path / trace).mkdir()
    with pytest.raises(CommandError, match="it is empty"), sqlite_file.sound_database(tmp_path):
        pass


def test_a_database_that_was_made_is_known_again_when_it_is_emptied(path: Path, tmp_path: Path):
    with sqlite_file.sound_database(tmp_path):
        pass
    path.write_bytes(b"")
    with pytest.raises(CommandError, match="it is empty"), sqlite_file.sound_database(tmp_path):
        pass
    assert path.read_bytes() == b""
    path.unlink()
    with sqlite_file.sound_database(tmp_path):  # whoever removes it wants a new one
        pass


def test_a_file_with_a_journal_beside_it_may_be_shorter_than_it_says(path: Path, tmp_path: Path):
    path.write_bytes(path.read_bytes()[:8192])
    path.with_name("hsi.sqlite3-wal").write_bytes(b"frames")
    assert sqlite_file.fault_of(path, tmp_path) == ""


def test_another_fault_of_the_database_is_passed_on(path: Path, tmp_path: Path):
    with pytest.raises(DatabaseError, match="is locked"), sqlite_file.sound_database(tmp_path):
        raise DatabaseError("the database is locked") from sqlite3.OperationalError("locked")


def test_damage_that_is_found_on_the_way_is_told_the_same(path: Path, tmp_path: Path):
    found = sqlite3.DatabaseError("database disk image is malformed")
    found.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    with pytest.raises(CommandError, match="is damaged: malformed"), sqlite_file.sound_database(tmp_path):
        raise DatabaseError("malformed") from found


def test_a_file_that_cannot_be_read_is_told(path: Path, tmp_path: Path):
    path.unlink()
    path.mkdir()
    with pytest.raises(CommandError, match="cannot be read: Is a directory"), sqlite_file.sound_database(tmp_path):
        pass
