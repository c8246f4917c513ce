from __future__ import annotations

import logging

import pytest

from cameras.intake.problem_log import MAX_PATHS, ProblemLog
from cameras.models import IntakeProblem

pytestmark = pytest.mark.django_db

Kind = IntakeProblem.Kind


def rows() -> dict[tuple[str, str], int]:
    return {(row.folder, row.kind): row.count for row in IntakeProblem.objects.all()}


def test_a_problem_is_a_row_while_it_lasts_and_is_logged_once(caplog: pytest.LogCaptureFixture):
    book = ProblemLog()
    caplog.set_level(logging.INFO)
    for number in range(5):
        book.add(Kind.UNREADABLE_FILE, f"door/{number}.jpg", "Permission denied")
        book.store()
    assert rows() == {("door", "unreadable_file"): 5}
    assert str(IntakeProblem.objects.get()) == "door: files that cannot be read: 5 (0.jpg: Permission denied)"
    assert len(caplog.records) == 1
    for number in range(5):
        book.resolve(f"door/{number}.jpg", Kind.UNREADABLE_FILE)
    book.store()
    assert rows() == {}
    assert len(caplog.records) == 2


def test_a_scan_replaces_what_was_known_of_its_kinds_and_nothing_else():
    book, found = ProblemLog(), ProblemLog()
    book.add(Kind.UNKNOWN, "door/a.xyz")
    book.add(Kind.FAILING, "door/1.jpg")
    found.add(Kind.UNKNOWN, "yard/b.xyz")
    book.replace([Kind.UNKNOWN], found)
    book.store()
    assert rows() == {("door", "failing"): 1, ("yard", "unknown"): 1}


def test_more_paths_than_are_remembered_are_counted():
    book = ProblemLog()
    for number in range(MAX_PATHS + 50):
        book.add(Kind.UNKNOWN, f"door/{number}.xyz")
    book.store()
    assert rows() == {("door", "unknown"): MAX_PATHS + 50}


def test_problems_of_an_earlier_process_are_deleted_at_the_first_store():
    first = ProblemLog()
    first.add(Kind.TOO_DEEP, "door/d")
    first.store()
    ProblemLog().store()
    assert rows() == {}
