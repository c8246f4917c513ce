"""Where notices can be relied on, judged by what scans find."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from cameras.intake.coverage import CHECK_SECONDS, POLLED_FOR_SECONDS, RENEW_SECONDS, Coverage
from cameras.intake.problem_log import ProblemBook
from cameras.models import IntakeProblem

pytestmark = [pytest.mark.django_db, pytest.mark.one_engine]

Kind = IntakeProblem.Kind


class Told:
    """Notifications as a test wants them."""

    come = True
    without: frozenset[str] = frozenset()

    def unwatched(self, folders: Iterable[str]) -> set[str]:
        return set(folders) & self.without


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "cameras" / "door").mkdir(parents=True)
    return tmp_path / "cameras"


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def coverage(root: Path, told: Any) -> Coverage:
    made = Coverage(root, told, ProblemBook())
    made.begin(0.0)
    made.look(0.0)
    return made


def test_a_root_that_is_another_folder_than_before_is_noticed(coverage: Coverage, root: Path):
    assert coverage.look(CHECK_SECONDS) == ([], False)
    root.rename(root.parent / "old")
    (root / "door").mkdir(parents=True)
    assert coverage.look(2 * CHECK_SECONDS) == ([], True)


def test_a_camera_s_folder_that_was_replaced_untold_is_noticed_and_a_told_one_is_none(coverage: Coverage, root: Path):
    (root / "door").rename(root.parent / "old")
    (root / "door").mkdir()
    coverage.expect("door")
    assert not coverage.look(CHECK_SECONDS)[1]
    (root / "door").rename(root.parent / "older")
    (root / "door").mkdir()
    assert coverage.look(2 * CHECK_SECONDS)[1]


def test_a_folder_that_appeared_untold_is_to_be_scanned(coverage: Coverage, root: Path):
    (root / "yard").mkdir()
    (root / "@eaDir").mkdir()
    assert coverage.look(CHECK_SECONDS) == (["yard"], False)


def test_a_root_that_is_gone_is_no_folder_without_cameras(coverage: Coverage, root: Path):
    root.rename(root.parent / "old")
    with pytest.raises(OSError, match="No such file"):
        coverage.look(CHECK_SECONDS)


def test_folders_that_stay_unwatched_are_polled_from_the_top_and_told(coverage: Coverage, told: Told):
    told.without = frozenset({"door/2026", "door/2026/03", "yard"})
    coverage.scanned({"", "door", "door/2026", "door/2026/03"}, 0.0)
    assert coverage.polled(0.0) == []  # it may have just appeared
    coverage.look(CHECK_SECONDS)
    assert coverage.polled(CHECK_SECONDS) == ["door/2026"]
    assert coverage._book.has(Kind.UNWATCHED, "door/2026/03")
    assert coverage.look(RENEW_SECONDS)[1]  # there may be watches again
    told.without = frozenset()
    coverage.scanned({"", "door", "door/2026"}, RENEW_SECONDS)
    assert coverage.polled(RENEW_SECONDS) == []
    assert not coverage._book.has(Kind.UNWATCHED, "door/2026/03")


def test_a_folder_that_has_just_appeared_is_not_unwatched(coverage: Coverage, told: Told):
    told.without = frozenset({"door/new"})
    coverage.scanned({"door/new"}, 0.0)
    told.without = frozenset()
    coverage.look(CHECK_SECONDS)
    assert coverage.polled(CHECK_SECONDS) == []


def test_a_folder_of_which_notices_were_missed_is_polled_for_a_while(coverage: Coverage):
    coverage.missed("door/1.jpg", 100.0)
    assert coverage.polled(100.0) == ["door"]
    assert coverage._book.has(Kind.MISSED, "door/1.jpg")
    assert coverage.polled(100.0 + POLLED_FOR_SECONDS) == []
    assert not coverage._book.has(Kind.MISSED, "door/1.jpg")
