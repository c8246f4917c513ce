from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory

from hsi.admin import navigation
from hsi.admin.navigation import GROUPS, Item, groups

pytestmark = pytest.mark.one_engine


def test_every_group_has_items_of_the_apps_in_order():
    found = groups()
    assert tuple(found) == GROUPS
    assert all(found.values())
    assert [item.title for item in found["Review"]] == [
        "Events",
        "Detections",
        "Uploads",
        "Batches",
        "Static objects",
        "Habits",
    ]
    assert all(len({item.order for item in items}) == len(items) for items in found.values())


def test_every_item_leads_to_a_page_that_exists():
    assert all(item.address.startswith("/admin/") for items in groups().values() for item in items)


def test_a_stranger_sees_no_item():
    request = RequestFactory().get("/admin/")
    request.user = AnonymousUser()
    assert not any(item.may_be_seen(request) for items in groups().values() for item in items)


def test_a_group_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="no group 'Reviews'"):
        navigation.register("Reviews", Item("Events", "visibility", "events.event", 10))
