from __future__ import annotations

import pytest
from django.db import transaction

from hsi.models import ToldState
from hsi.outbox import changes

pytestmark = pytest.mark.django_db(transaction=True)


def test_each_change_is_news_once():
    assert [changes.change("door", state) for state in ("shut", "shut", "open", "open", "shut")] == [
        True, False, True, False, True,
    ]  # fmt: skip


def test_what_is_normal_is_no_news_of_a_subject_that_was_never_told_of():
    assert not changes.change("door", "shut", no_news=("shut",))
    assert not ToldState.objects.exists()
    assert changes.change("door", "open", no_news=("shut",))
    assert changes.change("door", "shut", no_news=("shut",))


def test_a_change_whose_message_was_rolled_back_is_still_news():
    with transaction.atomic():
        assert changes.change("door", "open")
        transaction.set_rollback(True)
    assert changes.change("door", "open")
