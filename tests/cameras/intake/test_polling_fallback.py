"""Where notices can be relied on, judged by what scans find."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from cameras.intake.polling_fallback import CHECK_SECONDS, POLL_FOR_SECONDS, RESTART_SECONDS, PollingFallback
from cameras.intake.problem_log import ProblemLog
from cameras.models import IntakeProblem

pytestmark = [pytest.mark.django_db, pytest.mark.one_engine]

Kind = IntakeProblem.Kind


class Told:
    """Notifications as a test wants them."""

    is_running = True
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
def coverage(root: Path, told: Any) -> PollingFallback:
    made = PollingFallback(root, told, ProblemLog())
    made.reset(0.0)
    made.check(0.0)
    return made


def test_a_replaced_root_is_recognised(coverage: PollingFallback, root: Path):
    assert coverage.check(CHECK_SECONDS) == ([], False)
    root.rename(root.parent / "old")
    (root / "door").mkdir(parents=True)
    assert coverage.check(2 * CHECK_SECONDS) == ([], True)


def test_a_folder_replaced_without_an_event_is_recognised(coverage: PollingFallback, root: Path):
    (root / "door").rename(root.parent / "old")
    (root / "door").mkdir()
    coverage.expect("door")
    assert not coverage.check(CHECK_SECONDS)[1]
    (root / "door").rename(root.parent / "older")
    (root / "door").mkdir()
    assert coverage.check(2 * CHECK_SECONDS)[1]


def test_a_folder_that_appeared_without_an_event_is_scanned(coverage: PollingFallback, root: Path):
    (root / "yard").mkdir()
    (root / "@eaDir").mkdir()
    assert coverage.check(CHECK_SECONDS) == (["yard"], False)


def test_a_root_that_is_gone_is_no_folder_without_cameras(coverage: PollingFallback, root: Path):
    root.rename(root.parent / "old")
    with pytest.raises(OSError, match="No such file"):
        coverage.check(CHECK_SECONDS)


def test_unwatched_folders_are_polled_from_the_top_and_reported(coverage: PollingFallback, told: Told):
    told.without = frozenset({"door/2026", "door/2026/03", "yard"})
    coverage.folders_scanned({"", "door", "door/2026", "door/2026/03"}, 0.0)
    assert coverage.folders_to_poll(0.0) == []  # it may have just appeared
    coverage.check(CHECK_SECONDS)
    assert coverage.folders_to_poll(CHECK_SECONDS) == ["door/2026"]
    assert coverage._problems.has(Kind.UNWATCHED, "door/2026/03")
    assert coverage.check(RESTART_SECONDS)[1]  # there may be watches again
    told.without = frozenset()
    coverage.folders_scanned({"", "door", "door/2026"}, RESTART_SECONDS)
    assert coverage.folders_to_poll(RESTART_SECONDS) == []
    assert not coverage._problems.has(Kind.UNWATCHED, "door/2026/03")


def test_a_folder_that_has_just_appeared_is_not_unwatched(coverage: PollingFallback, told: Told):
    told.without = frozenset({"door/new"})
    coverage.folders_scanned({"door/new"}, 0.0)
    told.without = frozenset()
    coverage.check(CHECK_SECONDS)
    assert coverage.folders_to_poll(CHECK_SECONDS) == []


def test_a_folder_with_missed_events_is_polled_for_a_while(coverage: PollingFallback):
    coverage.event_missed("door/1.jpg", 100.0)
    assert coverage.folders_to_poll(100.0) == ["door"]
    assert coverage._problems.has(Kind.MISSED, "door/1.jpg")
    assert coverage.folders_to_poll(100.0 + POLL_FOR_SECONDS) == []
    assert not coverage._problems.has(Kind.MISSED, "door/1.jpg")
