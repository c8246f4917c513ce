from __future__ import annotations

from typing import get_args

import pytest

from hsi.outbox import messages

pytestmark = pytest.mark.one_engine


def test_every_type_of_message_has_a_schema():
    assert set(get_args(messages.MessageType)) == set(messages.schemas())
