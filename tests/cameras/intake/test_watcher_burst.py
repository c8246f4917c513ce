"""A burst of uploads through the real watcher, with real notifications."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import burst

pytestmark = [pytest.mark.slow, pytest.mark.one_engine, pytest.mark.django_db(transaction=True)]


def test_a_burst_of_6000_files_in_64_folders_loses_none_and_takes_none_in_half(data_dir: Path) -> None:
    outcome = burst.burst(data_dir / "cameras", burst.picture((96, 64)))

    assert (outcome.files, outcome.lost, outcome.partial) == (6000, 0, 0)
