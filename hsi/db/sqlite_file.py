"""Check the file of an SQLite database before the first write."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management.base import CommandError
from django.db import DatabaseError, connection

MAGIC = b"SQLite format 3\0"
HEADER_BYTES = 100
# A larger file is checked in parts, because reading all of it would delay each start.
READ_AS_A_WHOLE_BYTES = 64 * 1024**2
DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@contextmanager
def sound_database(data_dir: Path) -> Iterator[None]:
    """Raise `CommandError` with a remedy if the SQLite file is damaged, now or during the block."""
    if connection.vendor != "sqlite" or connection.settings_dict["NAME"] == ":memory:":
        yield
        return
    path = Path(connection.settings_dict["NAME"])
    if fault := fault_of(path, data_dir):
        raise CommandError(advice(path, fault))
    try:
        if path.exists() and path.stat().st_size <= READ_AS_A_WHOLE_BYTES:
            _read_all(path)
        yield
        _note(path).touch()
    except DatabaseError as error:
        if not is_damage(error):
            raise
        raise CommandError(advice(path, str(error))) from error


def _note(path: Path) -> Path:
    """Return the path of the marker beside a database that was created once.

    An empty database with a marker is not new.
    """
    return path.with_name(f"{path.name}-made")


def is_damage(error: DatabaseError) -> bool:
    code = getattr(error.__cause__, "sqlite_errorcode", None)
    return isinstance(code, int) and code & 0xFF in DAMAGE


def fault_of(path: Path, data_dir: Path) -> str:
    """Return what is wrong with the file, or an empty string if it is sound or missing.

    Raise CommandError if it cannot be read at all.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            header = file.read(HEADER_BYTES)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise CommandError(f"The database {path} cannot be read: {error.strerror}. Nothing was changed.") from error
    wal = path.with_name(f"{path.name}-wal")
    has_wal = wal.exists() and wal.stat().st_size > 0
    if not header:
        was_used = has_wal or _note(path).exists() or (data_dir / "thumbnails").exists()
        return "it is empty, although it was in use before" if was_used else ""
    if not header.startswith(MAGIC):
        return "it is not an SQLite database"
    if len(header) < HEADER_BYTES:
        return "it is cut short"
    # With a journal, the file may be shorter than its header says. The rest is in the journal.
    if not has_wal and size < _bytes_announced(header):
        return "it is cut short"
    return ""


def _bytes_announced(header: bytes) -> int:
    """Return the length in the header of the file, or 0 if it has none (sqlite.org/fileformat.html, 1.3)."""
    if header[24:28] != header[92:96]:
        return 0
    page_bytes = int.from_bytes(header[16:18], "big")
    return (65536 if page_bytes == 1 else page_bytes) * int.from_bytes(header[28:32], "big")


def _read_all(path: Path) -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA quick_check(1)")
        found = str(cursor.fetchone()[0])
    if found != "ok":
        raise CommandError(advice(path, found.splitlines()[0]))


def advice(path: Path, fault: str) -> str:
    return (
        f"The database {path} is damaged: {fault}\n"
        "Nothing was changed. Keep the file, together with those beside it that end in -wal and -shm, in another place."
        f" Then put a backup in its place, or what can be saved of it:\n"
        f"    sqlite3 {path} .recover | sqlite3 saved.sqlite3\n"
        "Without any file a start makes a new database; the pictures in the camera folder are then taken in again."
    )
