"""Fixtures for tests of the decoder processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cameras.media import decoder_process, decoder_self_test


@pytest.fixture
def own_decoders() -> Iterator[None]:
    """Start new decoder processes, with the limits of this test, and end them after it."""
    _end_decoders()
    yield
    _end_decoders()


def _end_decoders() -> None:
    while decoder_process._idle:
        decoder_process._idle.pop().end()
    decoder_self_test._failures.clear()
